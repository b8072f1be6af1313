#!/bin/sh
# Takes out of an environment what no service uses: the libraries' own tests, type stubs and C sources,
# other databases' dialects, the highlighting of languages other than Python (tracebacks are Python),
# and the symbols that only a debugger reads.
# usage: slim.sh FOLDER
set -eu
cd "$1"

find . -type d \( -name tests -o -path '*/sqlalchemy/testing' -o -path '*/numpy/f2py' \
  -o -path '*/numpy/_core/include' -o -path '*/pyarrow/include' -o -path '*/pyarrow/src' \
  -o -path '*/sqlalchemy/dialects/m[sy]*sql' -o -path '*/sqlalchemy/dialects/oracle' \) \
  -prune -exec rm -r {} +
find . -type f \( -name '*.pyi' -o -name '*.[ach]' -o -name '*.py[xd]' \
  -o -name '_simd.*.so' -o -name '*_tests.*.so' \) -delete
find . -type f -path '*/pygments/lexers/*' \
  ! -name '__init__.*' ! -name '_mapping.*' ! -name 'python.*' -delete
find . -type f \( -name '*.so' -o -name '*.so.*' \) -exec strip --strip-unneeded {} +
