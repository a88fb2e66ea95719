//! Random trees of groups, scopes, shields, timeouts and regions, cancelled and dropped at random points, on both runtimes; G2 to G5 are
#![allow(clippy::unit_arg, reason = "`Ok(drop(..))` is how a short body ends")]
//! checked by counting.
//!
//! `AIOTOOLS_STRESS_TREES=100000 cargo test --release -p aiotools-tests --test tasks_stress` is the long form;
//! `AIOTOOLS_STRESS_SEED=n` runs one tree again.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aiotools::{
    BoxError, TaskError, TaskGroup, TaskScope, cancel_and_wait, catch_cancel, gather, shield,
    timeout,
};
use tokio::task::yield_now;

#[path = "tasks/model.rs"]
mod model;
#[path = "tasks/support.rs"]
#[allow(dead_code, reason = "shared with the other tests of tasks")]
mod support;

use support::{drained, leave_behind};

/// A small generator: the same seed, the same tree.
#[derive(Clone)]
struct Rng(u64);

impl Rng {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below
    }
    fn fork(&mut self) -> Self {
        Self(self.next(u64::MAX - 1) | 1)
    }
}

/// An error with a number.
#[derive(Debug)]
struct Numbered(usize);

impl std::fmt::Display for Numbered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "numbered {}", self.0)
    }
}

impl std::error::Error for Numbered {}

/// What one tree has to account for.
#[derive(Default)]
struct World {
    next: AtomicUsize,
    made: Mutex<Vec<usize>>,
    seen: Mutex<HashMap<usize, usize>>,
    cleanups_left: AtomicUsize,
    cleanups_done: AtomicUsize,
    refused_ran: AtomicUsize,
    panics: AtomicUsize,
    panics_seen: AtomicUsize,
    faults: Mutex<Vec<String>>,
    virtual_time: bool,
}

impl World {
    fn see(&self, error: &TaskError) {
        if let Some(numbered) = error.downcast_ref::<Numbered>() {
            *self.seen.lock().unwrap().entry(numbered.0).or_default() += 1;
        } else if error.is_panic() {
            self.panics_seen.fetch_add(1, Ordering::Relaxed);
        } else {
            self.faults
                .lock()
                .unwrap()
                .push(format!("an unexpected error: {error}"));
        }
    }
}

/// For a block whose value nobody may get, because it is cut while it waits: its error is told here.
async fn told(world: &World, step: Step) -> Result<(), BoxError> {
    match step.await {
        Err(error) if error.is::<Numbered>() => {
            let number = error.downcast_ref::<Numbered>().unwrap().0;
            *world.seen.lock().unwrap().entry(number).or_default() += 1;
            Ok(())
        }
        result => result,
    }
}

/// The counts of all scopes around some code.
#[derive(Clone, Default)]
struct Around {
    counts: Vec<Arc<AtomicUsize>>,
    /// What is shielded must end by itself.
    shielded: bool,
}

impl Around {
    fn inside(&self) -> (Self, Arc<AtomicUsize>) {
        let own = Arc::new(AtomicUsize::new(0));
        let mut all = self.clone();
        all.counts.push(own.clone());
        (all, own)
    }
    fn shielded(mut self, shielded: bool) -> Self {
        self.shielded |= shielded;
        self
    }
    fn alive(&self) -> Alive {
        for count in &self.counts {
            count.fetch_add(1, Ordering::SeqCst);
        }
        Alive(self.clone())
    }
}

/// Something that runs, counted by all scopes around it.
struct Alive(Around);

impl Drop for Alive {
    fn drop(&mut self) {
        for count in &self.0.counts {
            count.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// A guard that leaves an async cleanup behind when it is dropped, as `#[actxmgr]` does.
struct Guard {
    world: Arc<World>,
    around: Around,
    steps: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let (world, alive, steps) = (self.world.clone(), self.around.alive(), self.steps);
        world.cleanups_left.fetch_add(1, Ordering::SeqCst);
        let cleanup = async move {
            for _ in 0..steps {
                yield_now().await;
            }
            drop(alive);
            world.cleanups_done.fetch_add(1, Ordering::SeqCst);
        };
        leave_behind(cleanup);
    }
}

type Step = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

fn pause(rng: &mut Rng, world: &World) -> impl Future<Output = ()> + Send + 'static {
    let (steps, sleeps) = (rng.next(4), world.virtual_time && rng.next(3) == 0);
    async move {
        for _ in 0..steps {
            yield_now().await;
        }
        if sleeps {
            tokio::time::sleep(Duration::from_millis(steps * 3)).await;
        }
    }
}

fn step(world: Arc<World>, mut rng: Rng, around: Around, depth: u64) -> Step {
    Box::pin(async move {
        let _alive = around.alive();
        for _ in 0..=rng.next(3) {
            one(&world, &mut rng, &around, depth).await?;
        }
        Ok(())
    })
}

async fn one(
    world: &Arc<World>,
    rng: &mut Rng,
    around: &Around,
    depth: u64,
) -> Result<(), BoxError> {
    let _guard = (rng.next(3) == 0).then(|| Guard {
        world: world.clone(),
        around: around.clone(),
        steps: rng.next(5),
    });
    pause(rng, world).await;
    let inner = rng.fork();
    if depth == 0 {
        return leaf(world, rng, around).await;
    }
    match rng.next(9) {
        0 | 1 => group(world, rng, around, depth - 1).await,
        2 | 3 => scope(world, rng, around, depth - 1).await,
        4 => {
            shield(step(
                world.clone(),
                inner,
                around.clone().shielded(true),
                depth - 1,
            ))
            .await
        }
        5 => {
            let limit = Duration::from_millis(rng.next(4));
            let (around, own) = around.inside();
            let inner = timeout(
                limit,
                told(world, step(world.clone(), inner, around, depth - 1)),
            )
            .await;
            match inner {
                Ok(result) => result,
                Err(_) => {
                    zero(world, &own, "a timeout");
                    Ok(())
                }
            }
        }
        6 => {
            let (around, own) = around.inside();
            match catch_cancel(step(world.clone(), inner, around, depth - 1)).await {
                Ok(result) => result,
                Err(cancelled) => {
                    zero(world, &own, "a region");
                    pause(rng, world).await;
                    // Who has been asked may not wait for ever afterwards.
                    if aiotools::is_cancelled() || rng.next(4) > 0 {
                        Err(cancelled.into())
                    } else {
                        Ok(())
                    }
                }
            }
        }
        7 => {
            let (around, own) = around.inside();
            let futures: Vec<_> = (0..rng.next(4))
                .map(|_| step(world.clone(), rng.fork(), around.clone(), depth - 1))
                .collect();
            for result in gather(futures).await {
                if let Err(error) = result
                    && !error.is_cancelled()
                {
                    world.see(&error);
                }
            }
            zero(world, &own, "gather");
            Ok(())
        }
        _ => leaf(world, rng, around).await,
    }
}

async fn leaf(world: &Arc<World>, rng: &mut Rng, around: &Around) -> Result<(), BoxError> {
    pause(rng, world).await;
    match rng.next(12) {
        0 => {
            let number = world.next.fetch_add(1, Ordering::SeqCst);
            world.made.lock().unwrap().push(number);
            Err(Numbered(number).into())
        }
        1 => {
            world.panics.fetch_add(1, Ordering::SeqCst);
            std::panic::panic_any("stress")
        }
        2 if !around.shielded => Ok(std::future::pending::<()>().await),
        _ => Ok(()),
    }
}

fn zero(world: &World, count: &AtomicUsize, what: &str) {
    let alive = count.load(Ordering::SeqCst);
    if alive != 0 {
        world
            .faults
            .lock()
            .unwrap()
            .push(format!("{what} ended with {alive} alive"));
    }
}

async fn group(
    world: &Arc<World>,
    rng: &mut Rng,
    around: &Around,
    depth: u64,
) -> Result<(), BoxError> {
    let (around, own) = around.inside();
    let mut builder = TaskGroup::builder();
    if rng.next(4) == 0 {
        builder = builder.timeout(Duration::from_millis(rng.next(5)));
    }
    if rng.next(4) == 0 {
        builder = builder.max_concurrency(1 + rng.next(2) as usize);
    }
    if world.virtual_time && rng.next(4) == 0 {
        builder = builder.grace(Duration::from_millis(rng.next(5)));
    }
    let mut handle = None;
    let mut body_rng = rng.fork();
    let result = builder
        .scope(async |tg| {
            handle = Some(tg.clone());
            let rng = &mut body_rng;
            let mut handles = Vec::new();
            for _ in 0..rng.next(5) {
                let child = step(world.clone(), rng.fork(), around.clone(), depth);
                handles.push(tg.spawn(child));
            }
            if rng.next(3) == 0 {
                pause(rng, world).await;
                if let Some(handle) = handles.first() {
                    handle.cancel();
                }
            }
            if rng.next(4) == 0 && !handles.is_empty() {
                let victim = handles.swap_remove(0);
                pause(rng, world).await;
                let _ = cancel_and_wait(&victim).await;
                if !victim.is_finished() {
                    world
                        .faults
                        .lock()
                        .unwrap()
                        .push("cancel_and_wait returned too early".into());
                }
            }
            if rng.next(6) == 0 {
                pause(rng, world).await;
                tg.cancel();
            }
            if rng.next(2) == 0 {
                step(world.clone(), rng.fork(), around.clone(), depth).await?;
            }
            Ok(())
        })
        .await;
    zero(world, &own, "a group");
    if let Some(tg) = handle {
        let ran = world.clone();
        let refused = tg.spawn(async move {
            ran.refused_ran.fetch_add(1, Ordering::SeqCst);
        });
        if !refused.await.is_err_and(|error| error.is_refused()) {
            world
                .faults
                .lock()
                .unwrap()
                .push("a closed group took a child".into());
        }
    }
    if let Err(error) = result {
        error.errors().iter().for_each(|error| world.see(error));
        // Who has been asked may not wait for ever afterwards.
        if aiotools::is_cancelled() {
            return Err(aiotools::Cancelled::default().into());
        }
        if error.is_cancelled()
            && error.errors().is_empty()
            && !error.is_timeout()
            && rng.next(2) == 0
        {
            return Err(error.into());
        }
    }
    Ok(())
}

async fn scope(
    world: &Arc<World>,
    rng: &mut Rng,
    around: &Around,
    depth: u64,
) -> Result<(), BoxError> {
    let shield = rng.next(3) == 0;
    let (around, own) = around.inside();
    let around = around.shielded(shield);
    let handler = world.clone();
    let mut body_rng = rng.fork();
    let result = TaskScope::builder()
        .shield(shield)
        .on_error(move |error| handler.see(error))
        .scope(async |ts| {
            let rng = &mut body_rng;
            for _ in 0..rng.next(5) {
                drop(ts.spawn(step(world.clone(), rng.fork(), around.clone(), depth)));
            }
            pause(rng, world).await;
            // Something in there may wait for ever.
            ts.cancel();
            if rng.next(2) == 0 {
                return told(
                    world,
                    step(world.clone(), rng.fork(), around.clone(), depth),
                )
                .await;
            }
            Ok(())
        })
        .await;
    zero(world, &own, "a scope");
    result
}

async fn tree(seed: u64, virtual_time: bool) {
    let mut rng = Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    rng.next(2);
    let world = Arc::new(World {
        virtual_time,
        ..World::default()
    });
    let root = Around::default();
    let (around, own) = root.inside();
    let hook = world.clone();
    aiotools::task::set_last_resort(move |error| hook.see(error));
    let how = rng.next(4);
    let at = rng.next(12);
    let depth = 1 + rng.next(3);
    let (inner, inner_around) = (world.clone(), around.clone());
    let top = rng.fork();
    let panicked = world.clone();
    let run = tokio::spawn(async move {
        let task = TaskScope::builder()
            .on_error({
                let world = inner.clone();
                move |error| world.see(error)
            })
            .scope(async |ts| {
                let task = ts.spawn(step(inner.clone(), top, inner_around.clone(), depth));
                match how {
                    0 => {
                        for _ in 0..at {
                            yield_now().await;
                        }
                        task.cancel();
                    }
                    1 => {
                        for _ in 0..at {
                            yield_now().await;
                        }
                        let _ = cancel_and_wait(&task).await;
                    }
                    _ => {}
                }
                let mut task = task;
                // Whatever hangs on purpose is ended now.
                for _ in 0..200 {
                    if task.is_finished() {
                        break;
                    }
                    yield_now().await;
                    if inner.virtual_time {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                }
                let waiting = Box::pin(async {
                    while !task.is_finished() {
                        task.cancel();
                        for _ in 0..20 {
                            yield_now().await;
                        }
                        if inner.virtual_time {
                            tokio::time::sleep(Duration::from_millis(5)).await;
                        }
                    }
                });
                waiting.await;
                let _ = task.result();
            });
        task.await;
    });
    if how == 3 {
        for _ in 0..at {
            yield_now().await;
        }
        run.abort();
    }
    match run.await {
        Ok(()) => zero(&world, &own, "the tree"),
        Err(error) if error.is_cancelled() => {}
        Err(error) => panicked
            .faults
            .lock()
            .unwrap()
            .push(format!("seed {seed}: the tree itself panicked: {error}")),
    }
    // Whatever was dropped is waited for by the process.
    drained().await;
    for _ in 0..1000 {
        if own.load(Ordering::SeqCst) == 0
            && world.cleanups_left.load(Ordering::SeqCst)
                == world.cleanups_done.load(Ordering::SeqCst)
        {
            break;
        }
        yield_now().await;
    }
    check(seed, &world, &own, how == 3);
}

fn check(seed: u64, world: &World, own: &AtomicUsize, dropped: bool) {
    zero(world, own, "the end");
    let faults = world.faults.lock().unwrap();
    assert!(faults.is_empty(), "seed {seed}: {faults:?}");
    assert_eq!(
        world.cleanups_left.load(Ordering::SeqCst),
        world.cleanups_done.load(Ordering::SeqCst),
        "seed {seed}: cleanups"
    );
    assert_eq!(
        world.refused_ran.load(Ordering::SeqCst),
        0,
        "seed {seed}: a refused task ran"
    );
    let seen = world.seen.lock().unwrap();
    for (number, times) in seen.iter() {
        assert_eq!(
            *times, 1,
            "seed {seed}: error {number} was told {times} times"
        );
    }
    if !dropped {
        let panics = world.panics.load(Ordering::SeqCst);
        assert_eq!(
            world.panics_seen.load(Ordering::SeqCst),
            panics,
            "seed {seed}: panics"
        );
    }
    if !dropped {
        for number in world.made.lock().unwrap().iter() {
            assert!(
                seen.contains_key(number),
                "seed {seed}: error {number} was told to nobody"
            );
        }
    }
}

fn trees() -> u64 {
    std::env::var("AIOTOOLS_STRESS_TREES")
        .ok()
        .and_then(|trees| trees.parse().ok())
        .unwrap_or(400)
}

fn seeds() -> std::ops::Range<u64> {
    match std::env::var("AIOTOOLS_STRESS_SEED")
        .ok()
        .and_then(|seed| seed.parse::<u64>().ok())
    {
        Some(seed) => seed..seed + 1,
        None => 1..trees() + 1,
    }
}

async fn bounded(seed: u64, virtual_time: bool) {
    let run = tokio::spawn(tree(seed, virtual_time));
    if virtual_time {
        // A paused clock: an hour passes only when nothing else can happen.
        match tokio::time::timeout(Duration::from_secs(3600), run).await {
            Ok(result) => result.unwrap(),
            Err(_) => panic!("seed {seed}: a hang\n{}", aiotools::task::dump()),
        }
    } else {
        match tokio::time::timeout(Duration::from_secs(20), run).await {
            Ok(result) => result.unwrap(),
            Err(_) => panic!("seed {seed}: a hang\n{}", aiotools::task::dump()),
        }
    }
}

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn quiet_panics() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if info.payload().downcast_ref::<&str>() != Some(&"stress") {
            default(info);
        }
    }));
}

#[test]
fn random_trees_on_one_thread() {
    let _one = ONE_AT_A_TIME
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    quiet_panics();
    for seed in seeds() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(bounded(seed, true));
    }
}

#[test]
fn random_trees_on_two_workers() {
    let _one = ONE_AT_A_TIME
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    quiet_panics();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    for seed in seeds() {
        runtime.block_on(bounded(seed, false));
    }
}
