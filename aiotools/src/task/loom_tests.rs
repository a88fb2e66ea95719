//! The state machine under loom: `scripts/loom`.
//!
//! What stands for a task here is a thread that holds a unit of a node and gives it back; what stands for the future of a group is a
//! thread that stores its waker and tries to close. The properties are those of the numbered list in `node`.

use std::{
    panic::Location,
    sync::atomic::{AtomicUsize as Count, Ordering::SeqCst},
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use loom::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use super::{
    children::Head,
    family::{Family, Policy},
    node::{Kind, Node},
    sync::Arc,
    waits::Wait,
};
use crate::cancel::CancelReason;

/// A waker that remembers, and unparks nobody: whoever waits looks at it in a loop that loom bounds.
struct Flag(std::sync::Arc<AtomicBool>);

impl Wake for Flag {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn flag() -> (Waker, std::sync::Arc<AtomicBool>) {
    let woken = std::sync::Arc::new(AtomicBool::new(false));
    (
        Waker::from(std::sync::Arc::new(Flag(std::sync::Arc::clone(&woken)))),
        woken,
    )
}

fn group(parent: Option<Arc<Node>>) -> Arc<Node> {
    let mut node = Node::new(Kind::Group, parent, Location::caller());
    node.family = Some(Family::new(Policy::FailFast, Duration::ZERO, None, false));
    Arc::new(node)
}

#[expect(unsafe_code, reason = "gives back the unit that the caller entered")]
fn leave(node: &Arc<Node>) {
    // SAFETY: every caller has entered once, and leaves once.
    unsafe { Node::leave(Arc::as_ptr(node)) };
}

/// Waits as the future of a group does: stores its waker, looks, and looks again only when it was woken.
fn wait_for_close(node: &Arc<Node>) {
    loop {
        let (waker, woken) = flag();
        let _ = Context::from_waker(&waker);
        node.set_host(&waker);
        if node.try_close() {
            return;
        }
        while !woken.load(Ordering::SeqCst) {
            thread::yield_now();
        }
    }
}

/// Invariant 1 (G5): a spawn that races the close is waited for, or refused.
#[test]
fn loom_spawn_against_close() {
    loom::model(|| {
        let node = group(None);
        let alive = Arc::new(AtomicBool::new(false));
        let spawner = {
            let (node, alive) = (Arc::clone(&node), Arc::clone(&alive));
            thread::spawn(move || {
                if node.enter().is_some() {
                    alive.store(true, Ordering::SeqCst);
                    alive.store(false, Ordering::SeqCst);
                    leave(&node);
                    true
                } else {
                    false
                }
            })
        };
        wait_for_close(&node);
        assert!(!alive.load(Ordering::SeqCst), "closed with a child in it");
        spawner.join().unwrap();
        assert!(!alive.load(Ordering::SeqCst));
        assert!(node.enter().is_none());
        assert_eq!(node.live(), 0);
    });
}

/// Invariants 2 and 6: whoever is last wakes the waiter, and the node lives as long as somebody is in it.
#[test]
fn loom_last_child_against_waiter() {
    loom::model(|| {
        let node = group(None);
        let children: Vec<_> = (0..2)
            .map(|_| {
                node.enter().unwrap();
                let node = Arc::clone(&node);
                thread::spawn(move || leave(&node))
            })
            .collect();
        wait_for_close(&node);
        assert_eq!(node.live(), 0);
        for child in children {
            child.join().unwrap();
        }
    });
}

/// Invariant 5: the heir is left exactly once, whoever is first.
#[test]
fn loom_drop_of_the_scope_against_the_last_child() {
    loom::model(|| {
        let outer = group(None);
        let inner = group(Some(Arc::clone(&outer)));
        inner.enter().unwrap();
        let child = {
            let inner = Arc::clone(&inner);
            thread::spawn(move || leave(&inner))
        };
        inner.orphan(Some(Arc::clone(&outer)));
        wait_for_close(&outer);
        assert!(inner.is_closed(), "the one around it ended first");
        assert_eq!(outer.live(), 0);
        child.join().unwrap();
    });
}

/// The same, while the child spawns a sibling.
#[test]
fn loom_drop_of_the_scope_against_spawn() {
    loom::model(|| {
        let outer = group(None);
        let inner = group(Some(Arc::clone(&outer)));
        inner.enter().unwrap();
        let child = {
            let inner = Arc::clone(&inner);
            thread::spawn(move || {
                // A child that is alive can always spawn a sibling.
                assert!(inner.enter().is_some());
                leave(&inner);
                leave(&inner);
            })
        };
        inner.orphan(Some(Arc::clone(&outer)));
        wait_for_close(&outer);
        assert!(inner.is_closed());
        child.join().unwrap();
    });
}

/// A child parks while the group is cancelled: it is woken, or sees it by itself.
#[test]
#[expect(unsafe_code, reason = "parks a head that outlives its links")]
fn loom_cancel_against_parking() {
    loom::model(|| {
        let node = group(None);
        let seq = node.enter().unwrap();
        let child = {
            let node = Arc::clone(&node);
            thread::spawn(move || {
                let family = node.family.as_ref().unwrap();
                // SAFETY: entered above; the group has a family; the head stays where it is until it is unlinked by `end`.
                let head = unsafe { Head::new(&node, seq, Location::caller(), None) };
                let (waker, woken) = flag();
                if family.park(&head, &waker) {
                    while !woken.load(Ordering::SeqCst) {
                        thread::yield_now();
                    }
                }
                assert!(family.orders().hard());
                family.end(&head, true);
                drop(head);
                leave(&node);
            })
        };
        node.cancel(&CancelReason::default());
        wait_for_close(&node);
        child.join().unwrap();
    });
}

/// A child completes while the group is cancelled: nobody touches it afterwards.
#[test]
#[expect(unsafe_code, reason = "parks a head that outlives its links")]
fn loom_cancel_against_completion() {
    loom::model(|| {
        let node = group(None);
        let seq = node.enter().unwrap();
        let child = {
            let node = Arc::clone(&node);
            thread::spawn(move || {
                let family = node.family.as_ref().unwrap();
                // SAFETY: as above.
                let head = unsafe { Head::new(&node, seq, Location::caller(), None) };
                let (waker, _) = flag();
                let _ = family.park(&head, &waker);
                // It is ready after all.
                family.end(&head, true);
                assert!(!head.is_linked());
                drop(head);
                leave(&node);
            })
        };
        node.cancel(&CancelReason::default());
        wait_for_close(&node);
        child.join().unwrap();
    });
}

/// A handle asks a child that is just parking: the request arrives.
#[test]
#[expect(unsafe_code, reason = "parks a head that outlives its links")]
fn loom_handle_against_parking() {
    loom::model(|| {
        let node = group(None);
        let seq = node.enter().unwrap();
        let child = {
            let node = Arc::clone(&node);
            thread::spawn(move || {
                let family = node.family.as_ref().unwrap();
                // SAFETY: as above.
                let head = unsafe { Head::new(&node, seq, Location::caller(), None) };
                loop {
                    let (waker, woken) = flag();
                    if let Some(own) = head.node()
                        && own.control().deliverable()
                    {
                        break;
                    }
                    let parked = head.node().is_none() && family.park(&head, &waker);
                    if !parked && !family.park_with_node(&head, &waker) {
                        continue;
                    }
                    if head.node().is_some_and(|own| own.control().deliverable()) {
                        break;
                    }
                    while !woken.load(Ordering::SeqCst) {
                        thread::yield_now();
                    }
                    // A task keeps one waker; the links of this head hold the old one.
                    family.unpark(&head);
                }
                family.end(&head, true);
                // SAFETY: out of the list and the books; nobody else looks at it any more.
                drop(unsafe { head.take_node() });
                leave(&node);
            })
        };
        let family = node.family.as_ref().unwrap();
        let make = || Node::new(Kind::Task, Some(Arc::clone(&node)), Location::caller());
        let (own, waker) = family.node_for_handle(seq, make);
        if let Some(waker) = waker {
            waker.wake();
        }
        own.request(&CancelReason::default(), true);
        wait_for_close(&node);
        child.join().unwrap();
        drop(own);
    });
}

/// Two that begin to wait for each other at the same moment: not both of them wait.
#[test]
fn loom_wait_against_wait() {
    loom::model(|| {
        let task = || Arc::new(Node::new(Kind::Task, None, Location::caller()));
        let (one, two) = (task(), task());
        let other = {
            let (one, two) = (Arc::clone(&one), Arc::clone(&two));
            thread::spawn(move || Wait::begin(&two, &one))
        };
        let wait = Wait::begin(&one, &two);
        let other = other.join().unwrap();
        assert!(wait.is_none() || other.is_none());
        drop((wait, other));
        assert!(Wait::begin(&one, &two).is_some(), "nothing is left of them");
    });
}

/// A request and the release of a hold: it is deliverable in the end, whoever is first.
#[test]
fn loom_request_against_hold() {
    static SEEN: Count = Count::new(0);
    loom::model(|| {
        let task = Arc::new(Node::new(Kind::Task, None, Location::caller()));
        let region = Arc::new(Node::new(
            Kind::Region,
            Some(Arc::clone(&task)),
            Location::caller(),
        ));
        region.hold();
        let asker = {
            let task = Arc::clone(&task);
            thread::spawn(move || task.request(&CancelReason::default(), true))
        };
        if region.outward_request().is_some() {
            SEEN.fetch_add(1, SeqCst);
        }
        region.release();
        asker.join().unwrap();
        assert!(region.outward_request().is_some());
        let _: Poll<()> = Poll::Pending;
    });
    assert_eq!(SEEN.load(SeqCst), 0, "delivered through a hold");
}
