"""How Alembic runs the migrations: on the connection that it is given.

Views stand in the way of changes to their tables, so they are made anew afterwards. At another
revision than the last one there are none.
"""

from alembic import context

from shared.ledger.spelled import create_views, drop_views
from shared.ledger.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    drop_views(connection)
    context.run_migrations()
    if context.get_context().get_current_revision() == context.script.get_current_head():
        create_views(connection)
