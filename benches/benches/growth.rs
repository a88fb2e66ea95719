//! Does one cost more where there are many? Instructions and allocations of one task, level of nesting, cleanup, entry of an exit stack
//! and member of a group, over four orders of magnitude of how many there are.
//!
//! `cargo bench -p aiotools-benches --bench growth`; instructions need valgrind, and it says so where there is none. Allocator: mimalloc
//! behind one that counts, which costs a few instructions for each allocation; current-thread runtime. With arguments, `<shape>
//! <ours|peer> <n> <rounds>`, it runs one shape. Timers are in `timers`, workers in `server_life`.
#![allow(missing_docs, reason = "a bench")]

use std::{io, pin::Pin};

use aiotools_benches::{
    Curve, Table,
    alloc::{self, Counting},
    callgrind::{self, Shape},
    managers::{self, suspending},
    runtimes,
    tasks::{self, Child, Settle},
    within,
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn run(shape: Shape) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        let Shape { name, kind, n } = shape;
        match (&*name, &*kind) {
            ("child", "ours") => tasks::group(n, Child::Yield).await,
            ("child", "peer") => tasks::floor(n, Child::Yield).await,
            ("cancelled child", "ours") => {
                tasks::cancel_group(n, Settle::Yield).await;
            }
            ("cancelled child", "peer") => {
                tasks::shut_down_join_set(n, Settle::Yield).await;
            }
            ("level", "ours") => tasks::nest(n).await,
            ("cleanup", "ours") => managers::drop_guards(n).await,
            ("cleanup", "peer") => managers::spawn_cleanups(n).await,
            ("entry", "ours") => suspending::stack(n).await,
            ("entry", "peer") => suspending::many_by_hand(n).await,
            ("member", "ours") => suspending::group(n).await,
            _ => panic!("no shape `{name}` of `{kind}`"),
        }
    })
}

/// One curve: its title, the shape, what ours and the peer are called, and the sizes.
struct Question {
    title: &'static str,
    shape: &'static str,
    ours: &'static str,
    peer: Option<&'static str>,
    sizes: &'static [usize],
}

const FROM_TEN: &[usize] = &[10, 100, 1_000, 10_000, 100_000];
const FROM_ONE: &[usize] = &[1, 10, 100, 1_000, 10_000];

const QUESTIONS: [Question; 6] = [
    Question {
        title: "one child, by the size of its group",
        shape: "child",
        ours: "TaskGroup",
        peer: Some("floor"),
        sizes: FROM_TEN,
    },
    Question {
        title: "one parked child, started and cancelled, by the size of its group",
        shape: "cancelled child",
        ours: "TaskGroup",
        peer: Some("JoinSet"),
        sizes: FROM_TEN,
    },
    Question {
        title: "one group in a group, by the depth of the nesting",
        shape: "level",
        ours: "TaskGroup",
        peer: None,
        sizes: &[1, 2, 5, 10, 20, 50, 100],
    },
    Question {
        title: "one cleanup in the background, by how many there are",
        shape: "cleanup",
        ours: "a dropped guard",
        peer: Some("a spawned task"),
        sizes: FROM_TEN,
    },
    Question {
        title: "one entry of an exit stack, by its size",
        shape: "entry",
        ours: "AsyncExitStack",
        peer: Some("by hand"),
        sizes: FROM_ONE,
    },
    Question {
        title: "one manager of an actxgroup, by its size",
        shape: "member",
        ours: "actxgroup",
        peer: None,
        sizes: FROM_ONE,
    },
];

impl Question {
    /// Each contender: its name, and the kind of its shape.
    fn contenders(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let peer = self.peer.map(|peer| (peer, "peer"));
        std::iter::once((self.ours, "ours")).chain(peer)
    }

    fn curve(&self, of: &str, cost: impl Fn(&Shape) -> io::Result<f64>) -> io::Result<Curve> {
        let mut curve = Curve::new(format!("{}, {of}", self.title), of);
        for (name, kind) in self.contenders() {
            for &n in self.sizes {
                curve.point(name, n as f64, cost(&Shape::new(self.shape, kind, n))?);
            }
        }
        Ok(curve)
    }
}

/// Allocations for one of `n`, when the runtime has grown as large as it has to be.
fn allocations(shape: &Shape) -> f64 {
    let [(_, runtime), _] = runtimes();
    let shape = shape.clone();
    let n = shape.n as f64;
    let calls = within(&runtime, async move {
        run(shape.clone()).await;
        let before = alloc::calls();
        let again = run(shape);
        // Without the box of the future.
        let boxed = alloc::calls() - before;
        again.await;
        alloc::calls() - before - boxed
    });
    calls as f64 / n
}

fn main() {
    if callgrind::run_if_asked(run) {
        return;
    }
    for question in &QUESTIONS {
        match question.curve("instructions", Shape::instructions) {
            // Of a child and of a level the goals say that it is flat; what the others share may make one in few dear.
            Ok(curve) if matches!(question.shape, "child" | "level") => {
                curve.flat_within(1.5).show();
            }
            Ok(curve) => curve.grows_within(1.5).show(),
            Err(error) => println!("without instruction counts: valgrind: {error}"),
        }
        let allocated = question.curve("allocations", |shape| Ok(allocations(shape)));
        allocated.expect("they can be counted").show();
    }
    Table::new("one of eight entries of an exit stack, allocations", "")
        .row("by hand", allocations(&Shape::new("entry", "peer", 8)))
        .row(
            "AsyncExitStack",
            allocations(&Shape::new("entry", "ours", 8)),
        )
        .goal_most("AsyncExitStack", 1.2)
        .show();
}
