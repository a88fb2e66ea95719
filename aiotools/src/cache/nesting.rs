//! Which computations wait for which, so that none waits for itself.
//!
//! A cached function may call cached functions, itself among them. If one that is being computed waited for its own value, it would wait for
//! ever; and so would two tasks that lead one computation each and wait for that of the other. So every wait *inside* a computation is
//! noted, as an edge from it to what it waits for, and a wait that would close a circle is refused.
//!
//! 1. `CHAIN` says, in a task and in the children that it spawns into groups, inside which computations the code is.
//! 2. An edge exists as long as its [`Edge`], which is dropped when the wait ends in any way.
//! 3. To look for a circle and to add the edge is one step, under one lock. So of the waits that make a circle the last sees it.
//! 4. A computation that is not inside another takes no lock here.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::task::ContextVar;

static CHAIN: ContextVar<Chain> = ContextVar::__new("lru_cache");

static EDGES: Mutex<Option<HashMap<u64, Vec<u64>>>> = Mutex::new(None);

/// The innermost computation around the code, and those around it.
#[derive(Clone)]
struct Chain(Arc<Link>);

struct Link {
    id: u64,
    outer: Option<Chain>,
}

impl Chain {
    fn contains(&self, id: u64) -> bool {
        let mut link = Some(self);
        while let Some(Chain(here)) = link {
            if here.id == id {
                return true;
            }
            link = here.outer.as_ref();
        }
        false
    }
}

/// Polls `computation` as that of the slot with this id.
pub(super) async fn within<F: Future>(id: u64, computation: F) -> F::Output {
    let outer = CHAIN.get();
    let _edge = outer
        .as_ref()
        .map(|outer| Edge::add(&mut lock(), outer.0.id, id));
    let chain = Chain(Arc::new(Link { id, outer }));
    CHAIN.scope(chain, computation).await
}

/// Polls what is not a part of the computation that starts it.
pub(super) async fn apart<F: Future>(future: F) -> F::Output {
    CHAIN.without(future).await
}

/// To wait would be to wait for oneself.
pub(super) struct Circle;

/// Notes that the code waits for the slot with this id.
pub(super) fn wait_for(id: u64) -> Result<Option<Edge>, Circle> {
    let Some(chain) = CHAIN.get() else {
        return Ok(None);
    };
    let mut edges = lock();
    if reaches(&edges, id, &chain) {
        return Err(Circle);
    }
    Ok(Some(Edge::add(&mut edges, chain.0.id, id)))
}

type Edges = Option<HashMap<u64, Vec<u64>>>;

/// Whether `from`, or anything that it waits for, is in the chain.
fn reaches(edges: &Edges, from: u64, chain: &Chain) -> bool {
    let mut seen = vec![from];
    let mut next = 0;
    while let Some(&id) = seen.get(next) {
        if chain.contains(id) {
            return true;
        }
        for to in edges.iter().filter_map(|edges| edges.get(&id)).flatten() {
            if !seen.contains(to) {
                seen.push(*to);
            }
        }
        next += 1;
    }
    false
}

pub(super) struct Edge {
    from: u64,
    to: u64,
}

impl Edge {
    fn add(edges: &mut Edges, from: u64, to: u64) -> Self {
        let edges = edges.get_or_insert_default();
        edges.entry(from).or_default().push(to);
        Self { from, to }
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        let mut edges = lock();
        let Some(edges) = &mut *edges else { return };
        if let Some(targets) = edges.get_mut(&self.from) {
            if let Some(at) = targets.iter().position(|to| *to == self.to) {
                targets.swap_remove(at);
            }
            if targets.is_empty() {
                edges.remove(&self.from);
            }
        }
    }
}

fn lock() -> MutexGuard<'static, Edges> {
    EDGES.lock().unwrap_or_else(PoisonError::into_inner)
}
