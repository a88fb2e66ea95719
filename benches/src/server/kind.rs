//! The servers that are compared.

use super::Wire;

/// A kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Our `#[server]`.
    Aiotools,
    /// The same with a queue for each worker.
    AiotoolsQueues,
    /// One process with tokio's multi-thread runtime.
    MultiThread,
    /// Processes forked by hand, with one shared listener.
    Forked,
    /// Threads with a `SO_REUSEPORT` socket and a current-thread runtime each.
    ReusePort,
    /// actix-server.
    Actix,
    /// nginx.
    Nginx,
    /// Python's aiotools on asyncio, with its streams.
    Asyncio,
    /// The same on uvloop.
    Uvloop,
    /// Python's aiotools on asyncio, with a protocol: the quickest form that asyncio has.
    AsyncioProtocol,
    /// The same on uvloop.
    UvloopProtocol,
}

impl Kind {
    const ALL: [Self; 11] = [
        Self::Aiotools,
        Self::AiotoolsQueues,
        Self::MultiThread,
        Self::Forked,
        Self::ReusePort,
        Self::Actix,
        Self::Nginx,
        Self::Asyncio,
        Self::AsyncioProtocol,
        Self::Uvloop,
        Self::UvloopProtocol,
    ];

    /// Those that speak `wire`.
    pub fn that_speak(wire: Wire) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |kind| match wire {
            Wire::Http => !kind.is_python(),
            Wire::Echo => *kind != Self::Nginx,
        })
    }

    fn is_python(self) -> bool {
        self.python().is_some()
    }

    /// The event loop and the style of one of Python's.
    pub(super) fn python(self) -> Option<[&'static str; 2]> {
        match self {
            Self::Asyncio => Some(["asyncio", "streams"]),
            Self::Uvloop => Some(["uvloop", "streams"]),
            Self::AsyncioProtocol => Some(["asyncio", "protocol"]),
            Self::UvloopProtocol => Some(["uvloop", "protocol"]),
            _ => None,
        }
    }

    /// Whether it answers the question for its allocations.
    #[must_use]
    pub fn counts_allocations(self) -> bool {
        !self.is_python() && self != Self::Nginx
    }

    /// The name in a table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Aiotools => "aiotools `#[server]`",
            Self::AiotoolsQueues => "aiotools, a queue for each worker",
            Self::MultiThread => "one multi-thread tokio process",
            Self::Forked => "forked by hand, one shared listener",
            Self::ReusePort => "threads with SO_REUSEPORT",
            Self::Actix => "actix-server",
            Self::Nginx => "nginx",
            Self::Asyncio => "Python aiotools, asyncio streams",
            Self::Uvloop => "Python aiotools, uvloop streams",
            Self::AsyncioProtocol => "Python aiotools, asyncio protocol",
            Self::UvloopProtocol => "Python aiotools, uvloop protocol",
        }
    }

    pub(super) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
