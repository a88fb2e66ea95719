//! The peers of the server benches as processes, the client that loads them, and what can be read
//! of a process from outside.

mod client;
mod kind;
mod latency;
mod peer;
mod process;
mod serve;
mod system_calls;

pub use client::{Client, Connections, Work};
pub use kind::Kind;
pub use latency::{median, tail};
pub use peer::{Peer, pause};
pub use process::{Cpu, descriptors, memory, sleeps, sockets};
pub use serve::serve_if_asked;
pub use system_calls::{Calls, system_calls, system_calls_of_a_life};

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// HTTP/1.1 with keep-alive and a body of 13 bytes.
    Http,
    /// What comes is sent back; messages of 13 bytes.
    Echo,
}

impl Wire {
    /// The name, as it stands in a command line and a headline.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Echo => "echo",
        }
    }

    /// One request.
    fn request(self) -> &'static [u8] {
        match self {
            Self::Http => b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
            Self::Echo => b"Hello, world\n",
        }
    }

    /// Asks one of our own workers for its pid, its allocations and connections; the answer is as long as
    /// [`ANSWER`].
    fn question(self) -> &'static [u8] {
        match self {
            Self::Http => b"GET /allocations HTTP/1.1\r\n\r\n",
            Self::Echo => b"allocations?\n",
        }
    }
}

/// How long the answer to [`Wire::question`] is: three numbers in fixed columns.
const ANSWER: usize = 48;
