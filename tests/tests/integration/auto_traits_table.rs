//! Which public types are `Send`, `Sync`, `Unpin`, `UnwindSafe` and `RefUnwindSafe`: one row for each, with the least that is asked of its
//! parameters. A type that is public and has no row fails the test. Types that cannot be named (those of managers) are in `auto_traits.rs`.

use std::{
    cell::Cell,
    future::Ready,
    marker::PhantomData,
    panic::{RefUnwindSafe, UnwindSafe},
    path::Path,
};

use aiotools::{
    cache::*, cancel::*, cleanup::*, context::*, future::*, process::*, server::*, stream::*,
    task::*, time::*,
};

/// Whether a type has a trait, by a constant that is found only if so.
macro_rules! has {
    ($trait:ident, $type:ty) => {{
        #[allow(dead_code, reason = "where the type has the trait")]
        trait Otherwise {
            const ANSWER: bool = false;
        }
        #[allow(dead_code)]
        struct Ask<T: ?Sized>(PhantomData<T>);
        impl<T: ?Sized> Otherwise for Ask<T> {}
        #[allow(dead_code)]
        impl<T: $trait + ?Sized> Ask<T> {
            const ANSWER: bool = true;
        }
        <Ask<$type>>::ANSWER
    }};
}

macro_rules! table {
    ($($type:ty => $send:literal $sync:literal $unpin:literal $unwind:literal $ref_unwind:literal;)*) => {
        const TYPES: &[&str] = &[$(stringify!($type)),*];

        /// What is not as the table says.
        fn differences() -> Vec<String> {
            let mut differences = Vec::new();
            $(
                let seen = [
                    has!(Send, $type),
                    has!(Sync, $type),
                    has!(Unpin, $type),
                    has!(UnwindSafe, $type),
                    has!(RefUnwindSafe, $type),
                ];
                if seen != [$send != 0, $sync != 0, $unpin != 0, $unwind != 0, $ref_unwind != 0] {
                    let seen = seen.map(|yes| u8::from(yes).to_string()).join(" ");
                    differences.push(format!("{} => {seen};", stringify!($type)));
                }
            )*
            differences
        }
    };
}

/// May be sent, not shared.
type Sent = Cell<u8>;
type Fut = Ready<()>;
type Failing = Ready<Result<(), std::io::Error>>;

table! {
    // type => Send Sync Unpin UnwindSafe RefUnwindSafe
    LruCache<u8, u8> => 1 1 1 1 1;
    LruCacheBuilder<u8, u8> => 1 1 1 1 1;
    CacheInfo => 1 1 1 1 1;

    CancelReason => 1 1 1 1 1;
    Cancelled => 1 1 1 1 1;
    CancelError => 1 1 1 0 0;
    CancelErrors => 1 1 1 0 0;
    CatchCancel<Fut> => 1 1 1 0 0;
    Shield<Fut> => 1 1 1 0 0;

    CleanupError<'static> => 0 0 1 0 0;
    CleanupTimedOut => 1 1 1 1 1;
    Deadline => 1 1 1 1 1;
    Drained => 1 1 1 1 1;
    Stats => 1 1 1 1 1;

    Exit => 1 1 1 1 1;
    Closing<TaskContext> => 1 1 1 0 0;
    AsyncExitStack => 1 1 1 1 1;
    ExitStackError => 1 1 1 0 0;
    Owned<Sent> => 1 1 1 1 1;
    ContextGroup<Owned<u8>, ()> => 1 1 1 0 0;
    EnterGroup<Owned<u8>, ()> => 1 0 1 0 0;
    EnterSettled<Owned<u8>, ()> => 1 0 1 0 0;
    GroupGuard<Owned<u8>, ()> => 1 1 1 0 0;
    Settle<Owned<u8>, ()> => 1 1 1 0 0;
    SettledGroup<Owned<u8>, ()> => 1 1 1 0 0;

    AsCompleted<Failing> => 1 1 1 0 0;
    Gather<Failing> => 1 1 1 0 0;
    Race<Failing> => 1 1 1 0 0;
    RaceOk<Failing> => 1 1 1 0 0;
    RaceError => 1 1 1 0 0;

    Aiter<fn() -> Fut, Fut, ()> => 1 1 1 1 1;

    ContextVar<u8> => 1 1 1 1 1;
    Resetting<Fut> => 1 1 1 0 0;
    Dump => 1 1 1 1 1;
    Entry => 1 1 1 1 1;
    ScopeError => 1 1 1 1 1;
    TaskError => 1 1 1 0 0;
    TaskGroupError => 1 1 1 0 0;
    TaskGroup => 1 1 1 0 0;
    TaskScope => 1 1 1 0 0;
    TaskContext => 1 1 1 0 0;
    TaskHandle<Sent> => 1 1 1 0 0;
    TaskRef => 1 1 1 0 0;
    aiotools::task::Outcome => 1 1 1 1 1;
    GroupBuilder => 1 1 1 1 1;
    ScopeBuilder<NoTimeout> => 1 1 1 0 0;
    ScopeBuilder<WithTimeout> => 1 1 1 0 0;

    Elapsed => 1 1 1 1 1;
    Timeout<Fut> => 1 1 1 0 0;
    TimeoutHandle => 1 1 1 1 1;
    TimeoutClosed => 1 1 1 1 1;
    Timer => 1 1 1 0 0;
    TimerBuilder => 1 1 1 0 0;
    TimerStart => 1 1 1 1 1;
    TimerDelayPolicy => 1 1 1 1 1;
    Schedule => 1 1 1 1 1;
    ScheduleError => 1 1 1 0 0;
    VirtualClock => 1 1 1 1 1;
    VirtualClockBuilder => 1 1 1 1 1;

    Afork => 1 0 1 0 0;
    AforkError => 1 1 1 0 0;
    ChildContext => 1 1 1 1 1;
    ChildProcess => 1 1 1 1 1;
    ExitStatus => 1 1 1 1 1;
    ForkServer => 1 1 1 1 1;
    aiotools::process::Sent => 1 1 1 1 1;
    aiotools::Signal => 1 1 1 1 1;
    aiotools::process::UnknownSignal => 1 1 1 1 1;
    WaitError => 1 1 1 1 1;

    Listen => 1 1 1 1 1;
    NoMainContext => 1 1 1 1 1;
    OpenConnection => 1 1 1 1 1;
    Phase => 1 1 1 1 1;
    Ready2 => 1 1 1 1 1;
    RecycleCause => 1 1 1 1 1;
    RestartPolicy => 1 1 1 1 1;
    Server<()> => 0 0 1 0 0;
    ServerError => 1 1 1 0 0;
    ServerEvent => 1 1 1 1 1;
    ServerHandle => 1 1 1 1 1;
    ServerStatus => 1 1 1 1 1;
    ExtraContext => 1 1 1 1 1;
    StopSignal => 1 1 1 1 1;
    WorkerContext => 1 1 1 1 1;
    WorkerFailure => 1 1 1 1 1;
    WorkerPhase => 1 1 1 1 1;
    WorkerState => 1 1 1 1 1;
    WorkerStatus => 1 1 1 1 1;
}

/// The one of the server.
type Ready2 = aiotools::server::Ready;

/// Public in the source, and not for users to name, or in `auto_traits.rs` by way of values.
const ELSEWHERE: &[&str] = &[
    // What macros name.
    "About",
    "AsyncDefers",
    "Awaited",
    "Body",
    "Called",
    "Defers",
    "Fits",
    "Flavor",
    "FunctionCache",
    "Hooked",
    "Lender",
    "Plain",
    "Returned",
    "Spec",
    "Suspended",
    "TimedOut",
    "YieldPoint",
    // Inside the server.
    "Entered",
    "MainContext",
    "Worker",
    // Of coroutines, whose types have no names.
    "Enter",
    "ExitFuture",
    "Guard",
    "Manager",
    "ScopedManager",
    // Parts of types that are in the table.
    "NoTimeout",
    "WithTimeout",
    "Ready",
];

#[test]
fn auto_traits_of_named_types() {
    let differences = differences();
    assert!(
        differences.is_empty(),
        "in truth:\n{}",
        differences.join("\n")
    );
}

/// The names of all public types in the source.
fn public_types(folder: &Path, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            public_types(&path, names);
            continue;
        }
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let line = line.trim_start();
            let rest = line
                .strip_prefix("pub struct ")
                .or(line.strip_prefix("pub enum "));
            if let Some(rest) = rest {
                let end = rest
                    .find(|c: char| !c.is_alphanumeric())
                    .unwrap_or(rest.len());
                names.push(rest[..end].to_owned());
            }
        }
    }
}

#[test]
fn auto_traits_table_is_complete() {
    let mut names = Vec::new();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../aiotools/src");
    public_types(Path::new(source), &mut names);
    assert!(names.len() > 80, "{names:?}");
    let known = |name: &str| {
        let in_table = TYPES.iter().any(|row| {
            let row = row.split('<').next().unwrap_or(row).trim();
            row.rsplit("::").next().map(str::trim) == Some(name)
        });
        in_table || ELSEWHERE.contains(&name)
    };
    let missing: Vec<_> = names.iter().filter(|name| !known(name)).collect();
    assert!(missing.is_empty(), "without a row: {missing:?}");
}
