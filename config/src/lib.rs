//! YAML with positions: load, expand, merge, deserialize, and say everything that is wrong.
