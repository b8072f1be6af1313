"""RabbitMQ: the topology, connections, publishing and consuming, each in one home."""
