//! Files mapped in the process, read from dump memory.
