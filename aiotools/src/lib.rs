//! Async context managers, structured tasks and prefork servers for tokio.
