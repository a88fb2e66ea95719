//! The one place where this library starts tokio tasks for users: [`Spawner`], the inside of every handle to a group.

use std::{future::Future, panic::Location};

use tokio::{runtime::Handle, task::JoinHandle};

use super::{
    child::Child,
    context_var,
    fault::Fault,
    handle::TaskHandle,
    node::{Kind, Node},
    output::{Checked, Convert, Plain, TaskOutput},
    sync::Arc,
};

/// A group's node, and the runtime that its children run on.
#[derive(Clone)]
pub(crate) struct Spawner {
    node: Arc<Node>,
    runtime: Handle,
}

impl Spawner {
    /// For a node that is opened on this runtime.
    pub(crate) fn here(node: &Arc<Node>) -> Self {
        Self::on(Arc::clone(node), Handle::current())
    }

    pub(crate) fn at(node: &Arc<Node>, runtime: &Handle) -> Self {
        Self::on(Arc::clone(node), runtime.clone())
    }

    pub(crate) fn new(node: Arc<Node>) -> Option<Self> {
        Some(Self::on(node, Handle::try_current().ok()?))
    }

    fn on(node: Arc<Node>, runtime: Handle) -> Self {
        // What `Child` rests on.
        assert!(node.family.is_some(), "only a group has children");
        Self { node, runtime }
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.node
    }

    pub(crate) fn len(&self) -> usize {
        self.node.live().saturating_sub(self.node.others())
    }

    #[track_caller]
    pub(crate) fn spawn<F>(
        &self,
        name: Option<&str>,
        future: F,
    ) -> TaskHandle<<F::Output as TaskOutput>::Value>
    where
        F: Future<Output: TaskOutput> + Send + 'static,
    {
        self.start::<F, Checked>(name, Location::caller(), future)
    }

    /// As `spawn`, for a place that was noted before.
    pub(crate) fn spawn_at<F>(
        &self,
        location: &'static Location<'static>,
        future: F,
    ) -> TaskHandle<<F::Output as TaskOutput>::Value>
    where
        F: Future<Output: TaskOutput> + Send + 'static,
    {
        self.start::<F, Checked>(None, location, future)
    }

    /// As `spawn`, with the name and the place of the group.
    pub(crate) fn spawn_like<F>(&self, future: F) -> TaskHandle<<F::Output as TaskOutput>::Value>
    where
        F: Future<Output: TaskOutput> + Send + 'static,
    {
        self.start::<F, Checked>(self.node.name.as_deref(), self.node.location, future)
    }

    #[track_caller]
    pub(crate) fn spawn_plain<F>(&self, name: Option<&str>, future: F) -> TaskHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.start::<F, Plain>(name, Location::caller(), future)
    }

    #[inline]
    fn start<F, C>(
        &self,
        name: Option<&str>,
        location: &'static Location<'static>,
        future: F,
    ) -> TaskHandle<C::Value>
    where
        F: Future + Send + 'static,
        C: Convert<F::Output> + 'static,
    {
        let name = name.map(std::sync::Arc::<str>::from);
        match launch::<F, C>(&self.node, &self.runtime, name.as_ref(), location, future) {
            Some((join, seq)) => TaskHandle::new(join, Arc::clone(&self.node), seq, location, name),
            None => TaskHandle::refused(Arc::clone(&self.node), location, name),
        }
    }

    /// Starts a child with a node that exists already, whose parent is this group. It does not count for `max_concurrency`. False if the
    /// group has ended; then the node is left to the one who brought it.
    #[expect(
        unsafe_code,
        reason = "the child gives back the unit that is taken for it here"
    )]
    pub(crate) fn spawn_with_node<F>(&self, node: &Arc<Node>, future: F) -> bool
    where
        F: Future<Output = Result<(), super::error::BoxError>> + Send + 'static,
    {
        let Some(seq) = self.node.enter() else {
            return false;
        };
        if let Some(family) = &self.node.family {
            family.adopt_node(seq, node);
            family.pass_on(node);
        }
        let own = Some(Arc::clone(node));
        // SAFETY: the node has a family (`on`); `enter` has just given us the unit and the number, and the child takes both.
        let child =
            unsafe { Child::<F, Checked>::new(&self.node, seq, node.location, own, future) };
        drop(self.runtime.spawn(child.exempt()));
        true
    }
}

/// Starts a child that nobody holds a handle of, with the name and the place of its group. Does nothing if the group has ended.
pub(crate) fn spawn_like<F>(group: &Arc<Node>, runtime: &Handle, future: F)
where
    F: Future<Output: TaskOutput> + Send + 'static,
{
    let (name, location) = (group.name.as_ref(), group.location);
    drop(launch::<F, Checked>(group, runtime, name, location, future));
}

type Launched<T> = (JoinHandle<Result<T, Fault>>, u32);

/// Starts a child, unless the group has ended.
#[expect(
    unsafe_code,
    reason = "the child gives back the unit that is taken for it here"
)]
#[inline]
fn launch<F, C>(
    group: &Arc<Node>,
    runtime: &Handle,
    name: Option<&std::sync::Arc<str>>,
    location: &'static Location<'static>,
    future: F,
) -> Option<Launched<C::Value>>
where
    F: Future + Send + 'static,
    C: Convert<F::Output> + 'static,
{
    // What `Child` rests on.
    let family = group.family.as_ref();
    let inherit_span = family.expect("only a group has children").inherit_span;
    let seq = group.enter()?;
    let node = if name.is_some() || inherit_span || context_var::is_any() {
        make_node(group, seq, name.cloned(), inherit_span, location)
    } else {
        None
    };
    // SAFETY: the group has a family; `enter` has just given us the unit and the number, and the child takes both.
    let child = unsafe { Child::<F, C>::new(group, seq, location, node, future) };
    Some((runtime.spawn(child), seq))
}

/// The node of a child that needs one from the start: for its name, or for what it inherits.
#[cold]
fn make_node(
    group: &Arc<Node>,
    seq: u32,
    name: Option<std::sync::Arc<str>>,
    inherit_span: bool,
    location: &'static Location<'static>,
) -> Option<Arc<Node>> {
    let context = context_var::capture(inherit_span);
    if name.is_none() && context.is_none() {
        return None;
    }
    let mut node = Node::new(Kind::Task, Some(Arc::clone(group)), location);
    node.name = name;
    node.context = context;
    let node = Arc::new(node);
    if let Some(family) = &group.family {
        family.adopt_node(seq, &node);
        family.pass_on(&node);
    }
    Some(node)
}
