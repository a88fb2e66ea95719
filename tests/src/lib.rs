//! Support for the integration tests of aiotools.
