#!/bin/sh
# A compiler for `cargo xtask test --only narrow`, given to cargo as RUSTC_WORKSPACE_WRAPPER: numbers have 16 bits, as on boards.
exec "$@" --cfg mdns_narrow
