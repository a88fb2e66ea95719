//! Which driver a new timer belongs to: that of the group around it, or else that of the runtime.

use std::{
    collections::HashMap,
    panic::Location,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::runtime::{Handle, Id};

use super::{driver::Driver, handle, shared::Shared};
use crate::{
    cancel::{CancelReason, ReasonKind},
    task::engine::{Kind, Node, Spawner, group},
};

/// A runtime, and the address of a group on it, or 0. A driver keeps the node of its group alive, so an address stays its own as long as
/// the driver is there.
pub(super) type Key = (Id, usize);

static DRIVERS: Mutex<Option<HashMap<Key, Weak<Shared>>>> = Mutex::new(None);

fn key(runtime: &Handle, group: Option<&Arc<Node>>) -> Key {
    let address = group.map_or(0, |group| std::ptr::from_ref(&**group).addr());
    (runtime.id(), address)
}

/// Stops the timers of a group that go on without a handle.
///
/// # Panics
///
/// Outside a tokio runtime.
#[cfg_attr(
    not(feature = "macros"),
    expect(dead_code, reason = "only `#[main]` ends a program in order")
)]
pub(crate) fn stop_detached(group: &Arc<Node>) {
    let key = key(&Handle::current(), Some(group));
    let shared = {
        let drivers = DRIVERS.lock().unwrap_or_else(PoisonError::into_inner);
        let drivers = drivers.as_ref();
        drivers.and_then(|drivers| drivers.get(&key)?.upgrade())
    };
    let Some(shared) = shared else { return };
    let detached = shared.lock().detached();
    for timer in detached {
        handle::end(&shared, timer, &CancelReason::of(ReasonKind::Shutdown));
    }
}

/// The driver for a timer that starts here. One that has been refused by its group is closed.
///
/// # Panics
///
/// Outside a tokio runtime.
pub(super) fn here(location: &'static Location<'static>) -> Arc<Shared> {
    let runtime = Handle::current();
    let group = group();
    let key = key(&runtime, group.as_ref());
    let shared = {
        let mut drivers = DRIVERS.lock().unwrap_or_else(PoisonError::into_inner);
        let drivers = drivers.get_or_insert_default();
        if let Some(shared) = drivers.get(&key).and_then(Weak::upgrade)
            && !shared.lock().closed
        {
            return shared;
        }
        let node = group.as_ref().map(|group| {
            let mut node = Node::new(Kind::Task, Some(Arc::clone(group)), location);
            node.name = Some("timers".into());
            Arc::new(node)
        });
        let shared = Arc::new(Shared::new(node, key));
        drivers.insert(key, Arc::downgrade(&shared));
        shared
    };
    start(&shared, &runtime, group);
    shared
}

fn start(shared: &Arc<Shared>, runtime: &Handle, group: Option<Arc<Node>>) {
    let driver = Driver::new(Arc::clone(shared), runtime.clone());
    match (group.and_then(Spawner::new), &shared.node) {
        // Refused, it is dropped, and so closed.
        (Some(spawner), Some(node)) => {
            if !spawner.spawn_with_node(node, driver) {
                shared.lock().refused = true;
            }
        }
        _ => drop(runtime.spawn(driver)),
    }
}

/// The driver has ended.
pub(super) fn forget(shared: &Arc<Shared>) {
    let mut drivers = DRIVERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(drivers) = drivers.as_mut()
        && let Some(known) = drivers.get(&shared.key)
        && std::ptr::eq(known.as_ptr(), Arc::as_ptr(shared))
    {
        drivers.remove(&shared.key);
    }
}
