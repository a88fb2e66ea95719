//! The live tree, as a value and as text.

use std::{fmt, panic::Location, time::Duration};

use super::{
    node::{Kind, Node},
    registry,
    sync::{Arc, lock},
};

/// The live tree of groups, scopes and tasks. See [`dump`].
#[derive(Clone, Debug)]
pub struct Dump {
    roots: Vec<Entry>,
}

/// One node of a [`Dump`].
#[derive(Clone, Debug)]
pub struct Entry {
    kind: &'static str,
    name: Option<String>,
    location: &'static Location<'static>,
    state: &'static str,
    age: Option<Duration>,
    reason: Option<String>,
    requests: usize,
    cleanups: usize,
    hidden: usize,
    children: Vec<Entry>,
}

/// Looks at all that is alive in this process: groups, scopes, their tasks, timeouts and regions in those, and cleanups that are still
/// running. It takes each lock of the tree briefly, one after the other, so it is a picture of a moment per group, not of one moment.
///
/// A task that has not waited for anything yet is counted by its group, but has no line of its own.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use aiotools::TaskGroup;
///
/// TaskGroup::builder().name("crawl").scope(async |tg| {
///     let worker = tg.spawn_named("worker", std::future::pending::<()>());
///     tokio::task::yield_now().await;
///     let dump = aiotools::task::dump();
///     assert!(dump.to_string().contains("group `crawl`"));
///     assert!(dump.to_string().contains("task `worker`"));
///     worker.cancel();
///     Ok(())
/// }).await.unwrap();
/// # });
/// ```
pub fn dump() -> Dump {
    Dump {
        roots: registry::roots().iter().map(entry).collect(),
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Group => "group",
        Kind::Scope => "scope",
        Kind::Context => "context",
        Kind::Timer => "timer",
        Kind::Task => "task",
        Kind::Cleanup => "cleanup",
        Kind::Timeout => "timeout",
        Kind::Region => "catch_cancel",
    }
}

fn entry(node: &Arc<Node>) -> Entry {
    let control = node.control();
    let asked = node.orders().soft();
    let (subs, reason, ended) = {
        let inner = lock(&node.inner);
        (
            inner.subs.clone(),
            inner.reason.clone(),
            inner.ended.is_some(),
        )
    };
    let family = node.family.as_ref();
    let reason = match (reason, family) {
        (None, Some(family)) if asked => Some(family.kids_reason()),
        (reason, _) => reason,
    };
    let state = if node.is_orphaned() {
        "orphaned"
    } else if ended {
        "cleaning up"
    } else if control.requests() > 0 || asked {
        "cancelling"
    } else {
        "running"
    };
    let mut children: Vec<_> = subs.iter().map(entry).collect();
    let mut tasks = 0;
    if let Some(family) = family {
        for (_, location, node) in family.survey() {
            tasks += 1;
            children.push(match node {
                Some(node) => entry(&node),
                None => parked(location, asked),
            });
        }
    }
    Entry {
        kind: kind_name(node.kind),
        name: node.name.as_deref().map(str::to_owned),
        location: node.location,
        state,
        age: Some(node.born.elapsed()),
        reason: reason.map(|reason| reason.to_string()),
        requests: control.requests(),
        cleanups: node.others(),
        hidden: node
            .live()
            .saturating_sub(node.others())
            .saturating_sub(tasks),
        children,
    }
}

fn parked(location: &'static Location<'static>, cancelling: bool) -> Entry {
    Entry {
        kind: "task",
        name: None,
        location,
        state: if cancelling { "cancelling" } else { "waiting" },
        age: None,
        reason: None,
        requests: 0,
        cleanups: 0,
        hidden: 0,
        children: Vec::new(),
    }
}

impl Dump {
    /// What is at the top of the tree, oldest first.
    pub fn roots(&self) -> &[Entry] {
        &self.roots
    }

    /// Every node of the tree, each before those inside it.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        let mut stack: Vec<_> = self.roots.iter().rev().collect();
        std::iter::from_fn(move || {
            let next = stack.pop()?;
            stack.extend(next.children.iter().rev());
            Some(next)
        })
    }

    /// The first node with this name.
    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.entries().find(|entry| entry.name() == Some(name))
    }
}

impl Entry {
    /// `group`, `scope`, `context`, `timer`, `task`, `cleanup`, `timeout` or `catch_cancel`.
    pub fn kind(&self) -> &str {
        self.kind
    }

    /// The name that it was given.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where it was started.
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// `running`, `waiting`, `cancelling`, `cleaning up` or `orphaned`.
    pub fn state(&self) -> &str {
        self.state
    }

    /// How long it has been there. Not known for a task that has no name and has opened nothing: it is not worth a look at the
    /// clock for each.
    pub fn age(&self) -> Option<Duration> {
        self.age
    }

    /// Why it was asked to end, if it was.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// How many requests to end it are open.
    pub fn cancelling(&self) -> usize {
        self.requests
    }

    /// How many cleanups, and groups without an owner, it waits for.
    pub fn cleanups(&self) -> usize {
        self.cleanups
    }

    /// How many of its tasks are running just now or have not run yet, and have no line of their own.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// What is inside it.
    pub fn children(&self) -> &[Entry] {
        &self.children
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        write!(f, "{:depth$}{}", "", self.kind, depth = depth * 2)?;
        if let Some(name) = &self.name {
            write!(f, " `{name}`")?;
        }
        write!(f, " at {} [{}", self.location, self.state)?;
        if let Some(age) = self.age {
            write!(f, ", {age:.1?}")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, ", because {reason}")?;
        }
        if self.cleanups > 0 {
            write!(f, ", {} cleanups", self.cleanups)?;
        }
        if self.hidden > 0 {
            write!(f, ", {} more tasks", self.hidden)?;
        }
        writeln!(f, "]")?;
        self.children
            .iter()
            .try_for_each(|child| child.write(f, depth + 1))
    }
}

impl fmt::Display for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.roots.is_empty() {
            return writeln!(f, "(nothing is running)");
        }
        self.roots.iter().try_for_each(|root| root.write(f, 0))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}
