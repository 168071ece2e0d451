"""The rules that every engine keeps (docs/engines.md), checked by calls as the stage makes them."""
