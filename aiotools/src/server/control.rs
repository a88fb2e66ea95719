//! What parent and worker say to each other: one socket pair per worker.
//!
//! A worker stops when its parent says so here, never because of a signal that it got itself:
//! Ctrl-C, and service managers that signal all processes of a service, reach the workers too, and
//! in any order. The other way go the reports of a worker. The end of the stream tells each side
//! that the other one is gone.
//!
//! An order is two bytes, tag and signal or nothing. A report is a tag, a length and as many bytes of
//! payload.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    sync::{Mutex, PoisonError},
};

use super::{Signal, WorkerPhase};

/// A report with more text than this is cut. Far below what a socket buffer takes, so that a report
/// never waits for the parent.
const LONGEST_TEXT: usize = 32 * 1024;
const HEADER: usize = 5;
pub(super) const ORDER: usize = 2;

/// Parent to worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Resume the body with this signal; before the `yield_!`, drop it.
    Stop(Signal),
    /// Say that you are alive.
    Ping,
    /// Say what you are doing.
    Picture,
}

/// Worker to parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Report {
    /// The body has reached its `yield_!`.
    Ready,
    /// This stop signal came to the worker itself.
    Asked(Signal),
    Failed {
        phase: WorkerPhase,
        panicked: bool,
        text: String,
    },
    /// The answer to a ping.
    Pong,
    /// It has served as many requests as it was to.
    Worn,
    /// The answer to the order of the same name.
    Picture(Picture),
    /// The body has ended and so have the cleanups that it left behind; the process is about to
    /// exit.
    Done,
}

/// What a worker is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    /// How many requests it has counted.
    pub(super) requests: u64,
    /// How many connections it has open, as far as it says.
    pub(super) connections: u64,
    /// Its task tree.
    pub(super) tree: String,
}

/// Both ends, close-on-exec.
pub(super) fn pair() -> io::Result<(ParentEnd, WorkerEnd)> {
    let (parent, worker) = UnixStream::pair()?;
    parent.set_nonblocking(true)?;
    Ok((
        ParentEnd {
            stream: parent,
            buffer: Vec::new(),
            open: true,
        },
        WorkerEnd {
            stream: worker,
            writing: Mutex::new(()),
        },
    ))
}

#[derive(Debug)]
pub(super) struct ParentEnd {
    stream: UnixStream,
    buffer: Vec<u8>,
    open: bool,
}

impl ParentEnd {
    /// What to wait on; `None` when the worker has closed its end.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.open.then(|| self.stream.as_fd())
    }

    /// Tells the worker; a worker that is gone has its end noticed elsewhere.
    pub(super) fn send(&mut self, order: Order) {
        let bytes = match order {
            Order::Stop(signal) => [b'S', u8::try_from(signal.as_raw()).unwrap_or_default()],
            Order::Ping => [b'P', 0],
            Order::Picture => [b'T', 0],
        };
        let _ = self.stream.write_all(&bytes);
    }

    /// All reports that are there by now.
    pub(super) fn reports(&mut self) -> Vec<Report> {
        let mut chunk = [0; 4096];
        while self.open {
            match self.stream.read(&mut chunk) {
                Ok(0) => self.open = false,
                Ok(n) => self.buffer.extend_from_slice(&chunk[..n]),
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                Err(err) if err.kind() == ErrorKind::WouldBlock => break,
                Err(_) => self.open = false,
            }
        }
        let mut reports = Vec::new();
        let mut rest = self.buffer.as_slice();
        while let Some((report, left)) = decode(rest) {
            reports.extend(report);
            rest = left;
        }
        self.buffer = rest.to_vec();
        reports
    }
}

#[derive(Debug)]
pub(super) struct WorkerEnd {
    stream: UnixStream,
    /// Held while a report is written, as any thread may write one.
    writing: Mutex<()>,
}

impl WorkerEnd {
    /// Tells the parent; a parent that is gone needs no report.
    pub(super) fn report(&self, report: &Report) {
        let bytes = encode(report);
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = (&self.stream).write_all(&bytes);
    }

    /// The stream on which orders come.
    pub(super) fn stream(&self) -> io::Result<UnixStream> {
        self.stream.try_clone()
    }
}

/// The order in the two bytes that came; `None` if they are none.
pub(super) fn decode_order(bytes: [u8; ORDER]) -> Option<Order> {
    match bytes {
        [b'S', number] => Signal::from_raw(number.into()).map(Order::Stop),
        [b'P', 0] => Some(Order::Ping),
        [b'T', 0] => Some(Order::Picture),
        _ => None,
    }
}

fn encode(report: &Report) -> Vec<u8> {
    let (tag, payload) = match report {
        Report::Ready => (b'R', Vec::new()),
        Report::Asked(signal) => (b'A', signal.as_raw().to_le_bytes().to_vec()),
        Report::Failed {
            phase,
            panicked,
            text,
        } => {
            let head = [phase.to_byte(), u8::from(*panicked)];
            (b'F', [&head, cut(text).as_bytes()].concat())
        }
        Report::Pong => (b'P', Vec::new()),
        Report::Worn => (b'W', Vec::new()),
        Report::Picture(picture) => {
            let (requests, connections) = (picture.requests, picture.connections);
            let head = [requests.to_le_bytes(), connections.to_le_bytes()].concat();
            (b'T', [&head, cut(&picture.tree).as_bytes()].concat())
        }
        Report::Done => (b'D', Vec::new()),
    };
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    [&[tag], length.to_le_bytes().as_slice(), &payload].concat()
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST_TEXT)]
}

fn decode_picture(payload: &[u8]) -> Option<Picture> {
    let (requests, rest) = payload.split_first_chunk()?;
    let (connections, tree) = rest.split_first_chunk()?;
    Some(Picture {
        requests: u64::from_le_bytes(*requests),
        connections: u64::from_le_bytes(*connections),
        tree: String::from_utf8_lossy(tree).into_owned(),
    })
}

/// Takes one report off `bytes`; `None` while there is no whole one. One that makes no sense is
/// passed over.
fn decode(bytes: &[u8]) -> Option<(Option<Report>, &[u8])> {
    let (header, rest) = bytes.split_first_chunk::<HEADER>()?;
    let [tag, length @ ..] = *header;
    let length = usize::try_from(u32::from_le_bytes(length)).ok()?;
    let (payload, rest) = rest.split_at_checked(length)?;
    let report = match (tag, payload) {
        (b'R', []) => Some(Report::Ready),
        (b'A', payload) => payload
            .try_into()
            .ok()
            .and_then(|n| Signal::from_raw(i32::from_le_bytes(n)))
            .map(Report::Asked),
        (b'F', [phase, panicked, text @ ..]) => {
            WorkerPhase::from_byte(*phase).map(|phase| Report::Failed {
                phase,
                panicked: *panicked != 0,
                text: String::from_utf8_lossy(text).into_owned(),
            })
        }
        (b'P', []) => Some(Report::Pong),
        (b'W', []) => Some(Report::Worn),
        (b'T', payload) => decode_picture(payload).map(Report::Picture),
        (b'D', []) => Some(Report::Done),
        _ => None,
    };
    Some((report, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_reports_arrive_in_order() {
        let (mut parent, worker) = pair().unwrap();
        assert_eq!(parent.reports(), []);
        let failed = Report::Failed {
            phase: WorkerPhase::Shutdown,
            panicked: true,
            text: "böse".into(),
        };
        let sent = [
            Report::Ready,
            Report::Asked(Signal::USR1),
            failed,
            Report::Pong,
            Report::Worn,
            Report::Picture(Picture {
                requests: u64::MAX,
                connections: 7,
                tree: "group".into(),
            }),
            Report::Done,
        ];
        for report in &sent {
            worker.report(report);
        }
        assert_eq!(parent.reports(), sent);
        assert!(parent.fd().is_some());
        drop(worker);
        assert_eq!(parent.reports(), []);
        assert!(parent.fd().is_none());
    }

    #[test]
    fn control_text_is_cut_at_a_character() {
        let (mut parent, worker) = pair().unwrap();
        let text = format!("x{}", "ä".repeat(LONGEST_TEXT));
        worker.report(&Report::Failed {
            phase: WorkerPhase::Serving,
            panicked: false,
            text,
        });
        let [Report::Failed { text, .. }] = &parent.reports()[..] else {
            panic!("one report")
        };
        assert_eq!(text.len(), LONGEST_TEXT - 1);
    }

    #[test]
    fn control_half_a_report_waits_for_the_rest() {
        let bytes = encode(&Report::Asked(Signal::TERM));
        for cut in 0..bytes.len() {
            assert_eq!(decode(&bytes[..cut]), None);
        }
        assert_eq!(
            decode(&bytes),
            Some((Some(Report::Asked(Signal::TERM)), &[][..]))
        );
    }

    #[test]
    fn control_order_round_trip() {
        let (mut parent, worker) = pair().unwrap();
        for order in [Order::Stop(Signal::QUIT), Order::Ping, Order::Picture] {
            parent.send(order);
            let mut bytes = [0; 2];
            (&worker.stream).read_exact(&mut bytes).unwrap();
            assert_eq!(decode_order(bytes), Some(order));
        }
        assert_eq!(decode_order([0, 0]), None);
    }
}
