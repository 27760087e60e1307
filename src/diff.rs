//! Reports of several dumps -> rows by (classic type name, assembly simple name). Pure.
