//! Which bytes are which addresses: containers.
