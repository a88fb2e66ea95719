//! The attribute macros of aiotools; use them through the `aiotools` crate.

mod about;
mod actxmgr;
mod args;
mod attribute;
mod block_on;
mod body_rules;
mod borrows;
mod choice;
mod coroutine_fn;
mod debug;
mod defer;
mod diag;
mod duration;
mod item_fn;
mod krate;
mod lru_cache;
mod main_context;
#[path = "main/mod.rs"]
mod main_fn;
mod misplaced;
mod return_type;
mod runtime_args;
mod server;
mod slot;
mod test;
#[cfg(test)]
mod testing;
mod timer;
mod unavailable;
mod yields;

use proc_macro::TokenStream;

/// Turns an `async fn` with one `yield_!` into an async context manager: what stands before the `yield_!`
/// sets up, what stands behind it cleans up, whatever becomes of the caller.
///
/// ```
/// use aiotools::{Exit, actxmgr};
///
/// #[actxmgr]
/// async fn plus_one(a: i32) -> i32 {
///     println!("set up");
///     let exit: Exit = yield_!(a + 1);
///     println!("clean up, because the body {exit}");
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let b = plus_one(1).await; // runs up to the `yield_!` and gives a guard
/// assert_eq!(*b, 2); // the guard derefs to the value
/// b.exit().await; // runs on from there, to the end
///
/// let product = plus_one(1).scope(async |b| b * 10).await; // the same, around a body
/// assert_eq!(product, 20);
/// # }
/// ```
///
/// The return type says what is yielded; the function itself ends with nothing. It may lend what it keeps:
/// an elided lifetime in the return type means "for as long as the function runs". And it may fail: with
/// `Result<T, E>` it yields a `T`, and ends in a `Result<(), E>`.
///
/// ```
/// use std::io;
///
/// use aiotools::{Exit, actxmgr};
///
/// #[actxmgr]
/// async fn journal(first: String) -> io::Result<&mut Vec<String>> {
///     if first.is_empty() {
///         return Err(io::ErrorKind::InvalidInput.into());
///     }
///     let mut lines = vec![first];
///     match yield_!(&mut lines) {
///         Exit::Completed => println!("kept {lines:?}"),
///         _ => println!("dropped {} lines", lines.len()),
///     }
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> io::Result<()> {
/// let mut lines = journal("one".into()).await?;
/// lines.push("two".into());
/// lines.exit().await?; // without this line it would clean up in the background, told `Exit::Cancelled`
/// # Ok(())
/// # }
/// ```
///
/// # What it expands to
///
/// A function that runs nothing yet and returns a [`Manager`](https://docs.rs/aiotools/latest/aiotools/context/struct.Manager.html):
///
/// ```text
/// fn journal(first: String) -> Manager<impl Coroutine<
///     Lend = Mut<Vec<String>>,
///     Resume = Exit,
///     Future = impl Future<Output = io::Result<()>> + Send + 'static,
/// >> {
///     Manager::shared("app::journal", |yield_point| async move { /* the body */ })
/// }
/// ```
///
/// Attributes, docs, visibility, generics and where clauses stay as they are. Inside the body, `yield_!` is
/// a macro that this attribute defines. It works in `match`, in the handlers of `tokio::select!`, in
/// `println!(..)` and in blocks. `AIOTOOLS_MACROS_DEBUG=1 cargo check` prints every expansion.
///
/// # Arguments
///
/// | argument | value | default | meaning |
/// |---|---|---|---|
/// | `local` | | off | What the function holds need not be `Send`. The cleanup in the background stays on the thread that entered. |
/// | `scoped` | | off | The function may borrow its arguments (`&self`, `&str`), and need not be `Send`. It has `scope` and `try_scope` only, and allocates nothing. Dropped in mid-flight, its cleanup is polled once. |
/// | `cleanup_timeout` | a duration: `"500ms"`, `"1m30s"` | no limit | How long the cleanup may take; then it is dropped. |
/// | `crate` | a path | `::aiotools` | Where aiotools is found, for a crate that renames or re-exports it. |
///
/// # Rules
///
/// What breaks one of these is a compile error:
///
/// | rule | the error says |
/// |---|---|
/// | It is an `async fn`. | `#[actxmgr]` goes on an `async fn`; write `async fn` |
/// | It yields. | a manager yields once, and this function has no `yield_!` |
/// | It yields once on each path. | a manager yields once on each path, and this is the second `yield_!` on one |
/// | Not in a loop. | a manager yields once, and a loop may run again; move `yield_!` out of the loop |
/// | Not in a closure, a nested async block or an inner function. | a closure cannot yield for a manager; move `yield_!` out of the closure |
/// | One that may fail ends in a result. | this function may fail, so its body ends in `Result<(), E>`; write `Ok(())` at its end |
/// | It owns its arguments, unless it is `scoped`. | the cleanup of this manager may outlive its caller, so it cannot borrow; take an owned value |
/// | What it holds is `Send`, unless it is `local` or `scoped`. | future cannot be sent between threads safely (at the name of the function) |
/// | Its error type is `Debug`. | `E` doesn't implement `Debug` (at the name of the function) |
///
/// `yield_!` inside other macros is checked as far as it can be seen. What cannot be seen panics when it
/// happens: a second `yield_!`, or an end without one.
///
/// # Cancellation and panics
///
/// - Dropped before its `yield_!`, the function is dropped where it stands, as any future is. It was not
///   entered, so there is no cleanup.
/// - From the `yield_!` on, the rest of the function runs exactly once, to its end: when the guard is
///   dropped, when its thread panics, when the `scope` future or the `exit` future is dropped. It then goes on in the
///   background of the runtime on which it was entered, and `yield_!` says why, as an
///   [`Exit`](https://docs.rs/aiotools/latest/aiotools/enum.Exit.html).
/// - A panic in the cleanup comes out of `exit` or `scope`. An error or a panic of a cleanup that nobody waits for
///   goes to the error hook of `aiotools::cleanup`.
///
/// # Feature
///
/// Needs the feature `macros`, which is on by default.
#[proc_macro_attribute]
pub fn actxmgr(args: TokenStream, item: TokenStream) -> TokenStream {
    let expansion = actxmgr::attribute(args.into(), &item.into());
    debug::print("actxmgr", &expansion);
    expansion.into()
}

/// Gives a function a `defer!`: what it is given runs when the function ends, whatever the way, last in, first out.
///
/// ```
/// use aiotools::defer;
///
/// #[defer]
/// fn work(path: &str) -> Result<u32, std::num::ParseIntError> {
///     println!("open {path}");
///     defer!(println!("close {path}"));
///     for n in 0..2 {
///         defer!(println!("and forget {n}"));
///     }
///     let n = path.parse()?; // an early return, and a panic, run them too
///     Ok(n)
/// }
///
/// assert_eq!(work("7"), Ok(7)); // "open 7", "and forget 1", "and forget 0", "close 7"
/// assert!(work("x").is_err());
/// ```
///
/// For an `async fn` there is [`#[adefer]`](macro@adefer).
///
/// # What is deferred
///
/// `defer!(<code>)` makes a `move` closure of the code, as if by `move || { <code> }`. So what it names is moved in where
/// `defer!` stands, or copied if it is `Copy`, and the code runs at the end. What the function still needs
/// afterwards is cloned before. It may borrow what the function borrows: its arguments, but no local variable.
///
/// It gives `()` or a `Result<(), E>`; with `;` at its end, any value is dropped. A future, which nobody would
/// await, is a compile error.
///
/// `defer!` works in loops, branches and closures, and inside a deferred call: what that defers runs next.
///
/// # Errors and panics
///
/// Every deferred call runs, whatever becomes of the others. The first failure comes out: that of the body, if it fails,
/// or else the first of a deferred call. That is a panic, which goes on when all have run, or an error, which
/// becomes the result if the function returns a `Result` whose error implements `From` for it (and `Debug`). All
/// other failures go to the error hook of `aiotools::cleanup`.
///
/// # What it expands to
///
/// ```text
/// fn work(path: &str) -> Result<u32, ParseIntError> {
///     Defers::run_fallible("app::work", move |defers| -> Result<u32, ParseIntError> { /* the body */ })
/// }
/// ```
///
/// # Arguments
///
/// | argument | value | default | meaning |
/// |---|---|---|---|
/// | `crate` | a path | `::aiotools` | Where aiotools is found, for a crate that renames or re-exports it. |
///
/// # Rules
///
/// | rule | the error says |
/// |---|---|
/// | It is not async. | `#[defer]` goes on a function that is not async; write `#[adefer]` |
/// | It is not `const`. | a function that defers cannot be `const`; remove `const` |
/// | It defers. | this function defers nothing; write `defer!(..)` in it, or remove the attribute |
/// | It defers for itself. | an inner function cannot defer for the one around it; give it an attribute of its own |
///
/// # Feature
///
/// Needs the feature `macros`, which is on by default.
#[proc_macro_attribute]
pub fn defer(args: TokenStream, item: TokenStream) -> TokenStream {
    let expansion = defer::defer(args.into(), &item.into());
    debug::print("defer", &expansion);
    expansion.into()
}

/// Gives an `async fn` a `defer!`: what it is given is run and awaited when the function ends, whatever the way, last in,
/// first out.
///
/// ```
/// use aiotools::adefer;
///
/// async fn goodbye(name: &'static str) {
///     tokio::task::yield_now().await;
///     println!("goodbye, {name}");
/// }
///
/// #[adefer]
/// async fn work() -> std::io::Result<u32> {
///     defer!(goodbye("ada")); // gives a future, which is awaited
///     defer!(println!("nearly done")); // gives nothing, and that is fine too
///     defer! {
///         tokio::task::yield_now().await;
///         println!("first");
///     }
///     tokio::fs::metadata(".").await?;
///     Ok(1)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// assert_eq!(work().await?, 1); // "first", "nearly done", "goodbye, ada"
/// # Ok(())
/// # }
/// ```
///
/// # What is deferred
///
/// `defer!(<code>)` makes an `async move` block of the code. If that gives a future, as a call of an async function
/// does, the future is awaited too. So what the code names is moved in where `defer!` stands, or copied if it is
/// `Copy`, and the code runs at the end, one call after the other.
///
/// It may outlive the function, so it has to be `Send + 'static`: the function may borrow its arguments, what it
/// defers may not. The rest is as for [`#[defer]`](macro@defer): the outcome, `;`, loops and branches, a call that
/// defers in its turn.
///
/// # Cancellation
///
/// - When the future of the function is dropped, its body is dropped where it stands, and then the deferred calls go
///   on in the background, in order, by the guarantees of a manager: as one task of the runtime on which the function ran,
///   waited for by the group of tasks around it, or else by `aiotools::cleanup::drain`.
/// - The same when it is dropped while deferred calls run: the one that runs is not cut short.
/// - Dropped before its first poll, the function has deferred nothing.
///
/// # Errors and panics
///
/// As for [`#[defer]`](macro@defer). A panic of the body goes on when all deferred calls have been awaited. For an error of a
/// deferred call to be returned, the error of the function also has to be `Send + Sync + 'static`.
///
/// # What it expands to
///
/// ```text
/// async fn work() -> io::Result<u32> {
///     let defers = AsyncDefers::new("app::work");
///     defers.run_fallible(async move { /* the body */ }).await
/// }
/// ```
///
/// # Arguments
///
/// | argument | value | default | meaning |
/// |---|---|---|---|
/// | `crate` | a path | `::aiotools` | Where aiotools is found, for a crate that renames or re-exports it. |
///
/// # Rules
///
/// Those of [`#[defer]`](macro@defer), and:
///
/// | rule | the error says |
/// |---|---|
/// | It is async. | `#[adefer]` goes on an `async fn`; write `async fn`, or `#[defer]` |
/// | What it defers is `Send`. | future cannot be sent between threads safely |
///
/// # Feature
///
/// Needs the feature `macros`, which is on by default.
#[proc_macro_attribute]
pub fn adefer(args: TokenStream, item: TokenStream) -> TokenStream {
    let expansion = defer::adefer(args.into(), &item.into());
    debug::print("adefer", &expansion);
    expansion.into()
}

/// Turns an `async fn` with one `yield_!()` into a worker of a prefork server: what stands before the
/// `yield_!()` starts to serve, what stands behind it stops gracefully.
///
/// ```no_run
/// use std::{io, sync::Arc};
///
/// use aiotools::{ServerError, Signal, TaskContext, WorkerContext};
/// use tokio::net::{TcpListener, TcpStream};
///
/// #[aiotools::server]
/// async fn worker(ctx: WorkerContext) -> io::Result<()> {
///     let listener = ctx.listener("127.0.0.1:8888")?;
///     let connections = Arc::new(TaskContext::new());
///     let accepting = tokio::spawn(accept(listener, Arc::clone(&connections)));
///     let signal: Signal = yield_!(); // the server counts as started; goes on when it is to stop
///     println!("worker {} stops on {signal}", ctx.process_index());
///     accepting.abort();
///     let _ = accepting.await;
///     connections.join().await; // the open ones are served to their end
///     Ok(())
/// }
///
/// # async fn greet(_: TcpStream) {}
/// async fn accept(listener: TcpListener, connections: Arc<TaskContext>) -> io::Result<()> {
///     loop {
///         let (stream, _peer) = listener.accept().await?;
///         connections.spawn(greet(stream));
///     }
/// }
///
/// fn main() -> Result<(), ServerError> {
///     aiotools::start_server(worker).bind("127.0.0.1:8888").workers(4).run()
/// }
/// ```
///
/// The parameter is the context of the worker. `WorkerContext<C, A>` says what it finds there: the value of
/// the main context, and the arguments that the server was given. The function may fail, with any error that
/// converts into `Box<dyn Error + Send + Sync>`.
///
/// # What it expands to
///
/// A function that runs nothing yet and returns a `Worker`, for `start_server`:
///
/// ```text
/// fn worker(ctx: WorkerContext) -> Worker<impl Coroutine<
///     Lend = Owned<()>,
///     Resume = Signal,
///     Future: Future<Output = io::Result<()>> + 'static,
/// >> {
///     Worker::new(|yield_point| async move { /* the body */ })
/// }
/// ```
///
/// # Arguments
///
/// | argument | value | default | meaning |
/// |---|---|---|---|
/// | `crate` | a path | `::aiotools` | Where aiotools is found, for a crate that renames or re-exports it. |
///
/// # Rules
///
/// Those of [`#[actxmgr]`](macro@actxmgr) about `yield_!` and about the end of the function, and these:
///
/// | rule | the error says |
/// |---|---|
/// | It takes its context, and nothing else. | a worker takes nothing but its context; pass more with `Server::args` and read it with `ctx.args()` |
/// | The context is a `WorkerContext`. | a worker takes a `WorkerContext`, not `..` |
/// | It owns the context. | a worker owns its context; write `ctx: WorkerContext` |
/// | It yields nothing. | a worker yields no value; write `yield_!()` |
///
/// # Stopping and panics
///
/// - An error or a panic before the `yield_!()` stops the whole server, which then ends with that error.
/// - A stop signal before the `yield_!()` drops the function where it stands; its guards clean up.
/// - Behind the `yield_!()` it has `wait_timeout` to come to its end; then the process is killed.
///
/// # Feature
///
/// Needs the features `macros` and `server`, which are on by default, and Unix.
#[proc_macro_attribute]
pub fn server(args: TokenStream, item: TokenStream) -> TokenStream {
    let expansion = server::attribute(args.into(), &item.into());
    debug::print("server", &expansion);
    expansion.into()
}

/// Turns a `fn` with one `yield_!` into the main context of a prefork server: what the parent process sets up
/// before its workers start, and ends after the last of them.
///
/// ```no_run
/// use aiotools::{ServerError, WorkerContext};
///
/// struct Config {
///     greeting: String,
/// }
///
/// #[aiotools::main_context]
/// fn setup(greeting: String) -> Config {
///     let signal = yield_!(Config { greeting });
///     println!("stopped by {signal}");
/// }
///
/// #[aiotools::server]
/// async fn worker(ctx: WorkerContext<Config>) {
///     println!("{}", ctx.main_context().greeting);
///     yield_!();
/// }
///
/// fn main() -> Result<(), ServerError> {
///     aiotools::start_server(worker).main_context(|| setup("hello".into())).run()
/// }
/// ```
///
/// The return type says what is yielded: an owned value, which each worker finds in its context. The function
/// may fail, as a worker may. One without parameters is given as it is: `.main_context(setup)`.
///
/// # What it expands to
///
/// A function that runs nothing yet and returns a `MainContext`, for `Server::main_context`:
///
/// ```text
/// fn setup(greeting: String) -> MainContext<impl Coroutine<
///     Lend = Owned<Config>,
///     Resume = Signal,
///     Future: Future<Output = ()> + 'static,
/// >> {
///     MainContext::new(|yield_point| async move { /* the body */ })
/// }
/// ```
///
/// # Arguments
///
/// | argument | value | default | meaning |
/// |---|---|---|---|
/// | `crate` | a path | `::aiotools` | Where aiotools is found, for a crate that renames or re-exports it. |
///
/// # Rules
///
/// Those of [`#[actxmgr]`](macro@actxmgr) about `yield_!` and about the end of the function, and these:
///
/// | rule | the error says |
/// |---|---|
/// | It is not async. | a main context runs in the parent process, which has no runtime; remove `async` |
/// | It does not await. | a main context runs where there is no runtime and cannot await; remove `.await` |
/// | It owns its arguments. | a main context lives as long as the server, so it cannot borrow; take an owned value |
/// | It yields an owned value. | the value goes to the workers and cannot borrow; yield an owned value |
///
/// # Stopping and panics
///
/// The part behind the `yield_!` runs once, in the parent only, when the last worker has ended, however they
/// ended. An error before the `yield_!` ends the server before it has started a worker.
///
/// # Feature
///
/// Needs the features `macros` and `server`, which are on by default, and Unix.
#[proc_macro_attribute]
pub fn main_context(args: TokenStream, item: TokenStream) -> TokenStream {
    let expansion = main_context::attribute(args.into(), &item.into());
    debug::print("main_context", &expansion);
    expansion.into()
}

#[doc(hidden)]
#[proc_macro_attribute]
pub fn server_unavailable(_: TokenStream, item: TokenStream) -> TokenStream {
    unavailable::attribute("server", &item.into()).into()
}

#[doc(hidden)]
#[proc_macro_attribute]
pub fn main_context_unavailable(_: TokenStream, item: TokenStream) -> TokenStream {
    unavailable::attribute("main_context", &item.into()).into()
}

/// Turns an `async fn` into a timer: a function that starts it, and calls what was written once per interval.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use std::time::Duration;
///
/// #[aiotools::timer(interval = "1s")]
/// async fn tick(interval: Duration, hits: Arc<AtomicU32>) {
///     hits.fetch_add(1, Ordering::Relaxed);
/// }
///
/// aiotools::VirtualClock::run(async {
///     let hits = Arc::new(AtomicU32::new(0));
///     let timer = tick(hits.clone()); // the first tick is at once
///     tokio::time::sleep(Duration::from_millis(2500)).await;
///     timer.cancel().await;
///     assert_eq!(hits.load(Ordering::Relaxed), 3);
/// });
/// ```
///
/// A parameter named `interval` is given the interval. All others become arguments of the starter, and are cloned for each tick. The
/// function returns `()` or a `Result`; errors and panics go to `tracing`, and never stop the timer. It may be generic, and a
/// method on `self: Arc<Self>`.
///
/// # What it expands to
///
/// ```text
/// fn tick(hits: Arc<AtomicU32>) -> Timer {
///     TimerBuilder::new(Duration::from_secs(1)).start(move |interval| {
///         let hits = hits.clone();
///         async move { /* the body */ }
///     })
/// }
/// ```
///
/// # Arguments
///
/// | argument | value | default | meaning |
/// |---|---|---|---|
/// | `interval` | a duration: `"500ms"`, `"1m30s"` | the first argument of the starter | The time from tick to tick. |
/// | `policy` | `accumulate`, `cancel`, `skip`, `queue` | `accumulate` | What happens when a tick is due while another one runs: see `TimerDelayPolicy`. |
/// | `start` | `immediately`, `after_interval` | `immediately` | When the first tick is due. |
/// | `jitter` | a duration | none | Each tick but an immediate first one is delayed by a random time below this. |
/// | `name` | text | the place of the call | The name in errors and in the task tree. |
/// | `schedule` | a cron expression: `"0 3 * * *"` | none | Ticks by the wall clock instead of an interval. Needs the feature `schedule`. |
/// | `tz` | a time zone: `"Europe/Berlin"` | UTC | The time zone of the schedule. |
/// | `crate` | a path | `::aiotools` | Where aiotools is found, for a crate that renames or re-exports it. |
///
/// # Rules
///
/// | rule | the error says |
/// |---|---|
/// | It is an `async fn`. | `#[timer]` goes on an `async fn`; write `async fn` |
/// | Durations are longer than zero. | the duration is zero; write one that is longer, such as `"5s"` |
/// | It owns its arguments. | the ticks of a timer outlive the call that starts it, so they cannot borrow; take an owned value, or an `Arc` |
/// | Its arguments are `Clone`. | an argument of a timer is cloned for each tick, and `..` cannot be (at its type) |
///
/// # Cancellation and panics
///
/// Dropping the `Timer` cancels it; see there.
///
/// # Feature
///
/// Needs the feature `macros`, which is on by default.
#[proc_macro_attribute]
pub fn timer(args: TokenStream, item: TokenStream) -> TokenStream {
    let expansion = timer::attribute(args.into(), &item.into());
    debug::print("timer", &expansion);
    expansion.into()
}

/// Runs an async test in a runtime, on request with a virtual clock.
///
/// ```
/// use std::time::Duration;
/// use aiotools::VirtualClock;
///
/// #[aiotools::test(virtual_clock)]
/// async fn an_hour_takes_no_time(clock: VirtualClock) {
///     tokio::time::sleep(Duration::from_secs(3600)).await;
///     assert_eq!(clock.elapsed(), Duration::from_secs(3600));
/// }
///
/// #[aiotools::test(flavor = multi_thread, timeout = "10s")]
/// async fn ends_in_time() -> Result<(), std::io::Error> {
///     Ok(())
/// }
/// ```
///
/// # Arguments
///
/// | argument | value | default | meaning |
/// |---|---|---|---|
/// | `virtual_clock` | | off | The test runs under a `VirtualClock`, on one thread, and may take it as a parameter. A test that can never wake up again fails with the task tree. |
/// | `flavor` | `current_thread`, `multi_thread` | `current_thread` | The kind of runtime. |
/// | `worker_threads` | a number | the number of cores | Threads of a multi-thread runtime. |
/// | `timeout` | a duration | none | The test fails, with the task tree, when it takes longer: in real time, and under a virtual clock in virtual time as well. |
/// | `crate` | a path | `::aiotools` | Where aiotools is found. |
///
/// # Rules
///
/// | rule | the error says |
/// |---|---|
/// | It is an `async fn`. | `#[test]` goes on an `async fn`; write `async fn` |
/// | It takes no parameters. | a test takes no parameters; with `virtual_clock` it may take `clock: VirtualClock` |
/// | A virtual clock has one thread. | a virtual clock works on one thread only; remove `flavor = multi_thread`, or `virtual_clock` |
///
/// # Feature
///
/// Needs the feature `macros`, and for the virtual clock `test-util`; both are on by default.
#[proc_macro_attribute]
pub fn test(args: TokenStream, item: TokenStream) -> TokenStream {
    let expansion = test::attribute(args.into(), &item.into());
    debug::print("test", &expansion);
    expansion.into()
}

/// Runs the async `main` in a runtime, and stops it in order.
///
/// ```
/// #[aiotools::main]
/// async fn main() -> Result<(), std::io::Error> {
///     Ok(())
/// }
/// ```
///
/// # How a program ends
///
/// 1. **The body** runs in a root scope, to which every timer and every task belongs that it starts there (`TaskGroup::current()` is its handle).
///    When it ends, by itself or by a panic, timers that were detached stop, and the scope waits for its tasks.
/// 2. **A signal**, which is SIGINT (Ctrl-C), and on Unix SIGTERM, cancels the root scope, with its name as the reason. A body that is inside
///    `catch_cancel` hears of it and may wind down; otherwise it is cut, and its guards clean up. All of that has `drain_timeout`; then what is
///    left of it is dropped, and the task tree reported through `tracing`.
/// 3. **Cleanups** that go on in the background have `drain_timeout` as well. What has not ended by then is reported, and dropped with the
///    runtime. So are tasks of `tokio::spawn`; blocking work is left behind. A first signal that comes only now ends this wait.
/// 4. **A second signal** ends the process at once. So does the first one, where a thread that does not await keeps it from being heard,
///    after twice `drain_timeout` and a second.
///
/// | the program | its exit code |
/// |---|---|
/// | returns a value, also after a signal | that of the value: 0 for `()` and `Ok`, 1 for `Err`, which is printed |
/// | is cut by a signal, or ended by the second | 128 plus the number of the signal: 130 for SIGINT, 143 for SIGTERM |
/// | panics | 101, when all has been cleaned up |
/// | cancels its own root scope | 1 |
///
/// # Arguments
///
/// | argument | value | default | meaning |
/// |---|---|---|---|
/// | `flavor` | `current_thread`, `multi_thread` | `multi_thread` | The kind of runtime. |
/// | `worker_threads` | a number | the number of cores | Threads of a multi-thread runtime. |
/// | `drain_timeout` | a duration | 10 s | How long to wait on the way out: for the root scope after a signal, and again for cleanups in the background. |
/// | `fork_server` | flag | off | Start a fork server before the runtime, so that `aiotools::afork` works. Needs the feature `fork`, and Unix. |
/// | `crate` | a path | `::aiotools` | Where aiotools is found. |
///
/// # Rules
///
/// | rule | the error says |
/// |---|---|
/// | It is an `async fn`. | `#[main]` goes on an `async fn`; write `async fn` |
/// | It takes no parameters. | `main` takes no parameters; read them with `std::env::args()` |
///
/// # Feature
///
/// Needs the feature `macros`, which is on by default.
#[proc_macro_attribute]
pub fn main(args: TokenStream, item: TokenStream) -> TokenStream {
    let expansion = main_fn::attribute(args.into(), &item.into());
    debug::print("main", &expansion);
    expansion.into()
}

/// Keeps what an `async fn` returned for the arguments that it was called with, and calls it once for all who ask at the same time.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// use aiotools::lru_cache;
///
/// static RUNS: AtomicU32 = AtomicU32::new(0);
///
/// #[lru_cache(max_size = 100, expire_after = "1m")]
/// async fn greeting(name: &str) -> String {
///     RUNS.fetch_add(1, Ordering::Relaxed);
///     tokio::task::yield_now().await; // ask somebody
///     format!("hello, {name}")
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (one, two) = tokio::join!(greeting("ada"), greeting("ada"));
/// assert_eq!((one.as_str(), two.as_str()), ("hello, ada", "hello, ada"));
/// assert_eq!(RUNS.load(Ordering::Relaxed), 1);
///
/// let info = greeting::cache_info();
/// assert_eq!((info.hits, info.misses, info.current_size), (1, 1, 1));
///
/// assert!(greeting::cache_invalidate("ada")); // the same arguments, by reference
/// greeting::cache_clear(); // everything
/// # }
/// ```
///
/// The cache belongs to the function, and to all threads and runtimes of the process. What concurrent callers get, and what happens
/// when one of them is cancelled or panics, is told in [`cache`](https://docs.rs/aiotools/latest/aiotools/cache/index.html).
///
/// # Keys
///
/// The key is a clone of all arguments: `str` as a `String`, several as a tuple. They must be `Clone + Eq + Hash`. Where some of them
/// say nothing about the result, or cannot be compared, a closure makes the key. It names the parameters that it needs, and has them by
/// reference:
///
/// ```
/// # use aiotools::lru_cache;
/// # #[derive(Clone)] struct Db;
/// # impl Db { async fn name(&self, id: u32) -> String { id.to_string() } }
/// #[lru_cache(key = |id| *id)]
/// async fn user_name(db: Db, id: u32) -> String {
///     db.name(id).await
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// user_name(Db, 7).await;
/// assert!(user_name::cache_invalidate(&7)); // takes what the closure takes
/// # }
/// ```
///
/// Python's `typed` has no counterpart, as a parameter has one type.
///
/// # Errors
///
/// If the function returns a `Result`, an `Ok` is kept and an `Err` is not. It goes to the caller that ran the function, and to all that waited
/// for that run; the next call runs the function again. So the error must be `Clone`. One that is not goes into an `Arc`, and `?` puts it there:
///
/// ```
/// use std::{io, sync::Arc};
///
/// #[aiotools::lru_cache]
/// async fn file(path: String) -> Result<String, Arc<io::Error>> {
///     Ok(tokio::fs::read_to_string(path).await?)
/// }
/// ```
///
/// With `on_error = retry` those that waited are not told, but run the function themselves, one after the other, until one
/// succeeds. Then the error may be anything.
///
/// # Methods
///
/// A method has a cache in each instance: a field of type `LruCache`, which has the settings. `self` is no part of the key.
///
/// ```
/// use std::{sync::Arc, time::Duration};
///
/// use aiotools::{LruCache, lru_cache};
///
/// struct Client {
///     pages: LruCache<u32, String>,
/// }
///
/// impl Client {
///     fn new() -> Self {
///         let minute = Duration::from_secs(60);
///         Self { pages: LruCache::builder().max_size(1000).expire_after(minute).stale_while_revalidate(minute).build() }
///     }
///
///     #[lru_cache(cache = self.pages)]
///     async fn page(&self, number: u32) -> String {
///         number.to_string()
///     }
///
///     /// What runs in the background cannot borrow.
///     #[lru_cache(cache = self.pages, stale_while_revalidate)]
///     async fn page_at_once(self: Arc<Self>, number: u32) -> String {
///         number.to_string()
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # let client = Arc::new(Client::new());
/// # assert_eq!(client.page(1).await, "1");
/// # assert_eq!(client.clone().page_at_once(1).await, "1");
/// # assert_eq!(client.pages.info().hits, 1);
/// # }
/// ```
///
/// # Stale values
///
/// With `expire_after = "1m", stale_while_revalidate = "10m"` a value is good for a minute. For ten minutes more it is returned at once, and
/// the first such call starts a run in the background, whose value takes its place. If that fails, the error goes to `tracing`, and the
/// next call starts another. What runs in the background belongs to the cache, which `cache_close` ends, and to the runtime of the call.
///
/// # What it expands to
///
/// ```text
/// async fn greeting(name: &str) -> String {
///     CACHE.get_with(greeting::key(name), async move { /* the body */ }).await
/// }
///
/// enum greeting {}
///
/// impl greeting {
///     fn cache_info() -> CacheInfo { .. }
///     fn cache_clear() { .. }
///     fn cache_invalidate(name: &str) -> bool { .. }
///     async fn cache_close() { .. }
/// }
/// ```
///
/// The type is there for its name, which is imported with that of the function. With `cache = ..` there is none.
///
/// # Arguments
///
/// | argument | value | default | meaning |
/// |---|---|---|---|
/// | `max_size` | a number, or `unlimited` | 128 | How many entries there may be. One more, and the entry that was not asked for the longest makes room. With 0 nothing is kept or shared. |
/// | `expire_after` | a duration: `"50ms"`, `"1m30s"` | never | How long a value is good, from the end of its run. |
/// | `stale_while_revalidate` | a duration; with `cache` alone | off | How long an expired value is returned while there is a run in the background. The arguments are owned, and the future is `Send`. |
/// | `key` | a closure | a clone of all arguments | What the key is. |
/// | `cache` | an expression | a cache of the function | Where the `LruCache` is. |
/// | `on_error` | `share`, `retry` | `share` | What those get that waited for a run that fails. Says also that the function returns a `Result` under another name. |
/// | `crate` | a path | `::aiotools` | Where aiotools is found, for a crate that renames or re-exports it. |
///
/// # Rules
///
/// | rule | the error says |
/// |---|---|
/// | It is an `async fn`. | `#[lru_cache]` goes on an `async fn`; write `async fn` |
/// | One function, one cache. | a generic function is many functions, and they cannot share one cache; .. |
/// | A method, or another function in an `impl`, says where its cache is. | a method has a cache in each instance; keep an `LruCache` in a field, and write `cache = self.field` |
/// | Keys are `Clone + Eq + Hash + Send + Sync` and borrow nothing. | `..` cannot be the key of a cache, or a part of it (at the type) |
/// | Values are `Clone + Send + Sync`, errors `Clone`. | the trait bound `..: Clone` is not satisfied (at the return type) |
/// | What may run in the background owns its arguments. | a value may be computed in the background, after the call has ended, so this cannot borrow; .. |
///
/// A function that calls itself does so through `Box::pin`, as every recursive `async fn`. Each key is computed once. A call that would wait for itself
/// runs without the cache.
///
/// # Cancellation and panics
///
/// - The function runs as a part of the call that found nothing. If that is dropped, so is the run, and a caller that waits runs the function.
/// - A panic comes out of the call that ran it, and a caller that waits runs the function.
///
/// # Feature
///
/// Needs the features `macros` and `lru_cache`. The latter is off by default.
#[proc_macro_attribute]
pub fn lru_cache(args: TokenStream, item: TokenStream) -> TokenStream {
    let expansion = lru_cache::attribute(args.into(), &item.into());
    debug::print("lru_cache", &expansion);
    expansion.into()
}

#[doc(hidden)]
#[proc_macro_attribute]
pub fn lru_cache_unavailable(_: TokenStream, item: TokenStream) -> TokenStream {
    unavailable::plain("lru_cache", "lru_cache", &item.into()).into()
}
