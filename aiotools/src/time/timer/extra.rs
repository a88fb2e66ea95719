//! What most timers do not need, and need not pay for.

use std::{panic::Location, sync::Arc, sync::atomic::AtomicU64, time::Duration};

use crate::{
    cancel::{CancelReason, ReasonKind},
    task::{
        TaskHandle,
        engine::{Family, Handler, Kind, Node, Policy, Spawner, register},
    },
};

/// The part of a timer that is there on demand.
pub(super) struct Extra {
    pub(super) name: Option<Arc<str>>,
    pub(super) handler: Handler,
    /// Where its ticks are tasks; made for the first of them.
    pub(super) context: Option<Ticks>,
    pub(super) skipped: u64,
    /// `Queue`: ticks that wait for the one that runs.
    pub(super) queued: u32,
    pub(super) max_queued: u32,
    /// `Accumulate`: how many ticks may run at once.
    pub(super) max_running: u32,
    /// `Cancel`: the last tick, its number, and the number of the last one whose own code was started.
    pub(super) last: Option<TaskHandle<()>>,
    pub(super) number: u64,
    pub(super) started: Arc<AtomicU64>,
    /// In ns; 0 for none.
    pub(super) jitter: u64,
    pub(super) shift: u64,
    pub(super) random: u64,
    #[cfg(feature = "schedule")]
    pub(super) schedule: Option<super::schedule::Scheduled>,
}

impl Default for Extra {
    fn default() -> Self {
        Self {
            name: None,
            handler: Handler::Trace,
            context: None,
            skipped: 0,
            queued: 0,
            max_queued: u32::MAX,
            max_running: u32::MAX,
            last: None,
            number: 0,
            started: Arc::default(),
            jitter: 0,
            shift: 0,
            random: 0,
            #[cfg(feature = "schedule")]
            schedule: None,
        }
    }
}

/// The next look at a timer with a schedule of its own.
pub(super) struct Next {
    pub(super) at: u64,
    pub(super) is_tick: bool,
}

impl Extra {
    pub(super) fn at(&self, next: u64) -> u64 {
        next.saturating_add(self.shift)
    }

    pub(super) fn set_jitter(&mut self, jitter: Duration) {
        self.jitter = nanos(jitter);
        self.random = super::jitter::seed();
    }

    /// A new jitter for the next tick.
    pub(super) fn roll(&mut self) {
        if self.jitter > 0 {
            self.shift = super::jitter::next(&mut self.random) % self.jitter;
        }
    }

    #[cfg(not(feature = "schedule"))]
    #[expect(clippy::unused_self, reason = "as with the feature")]
    pub(super) fn advance_schedule(&mut self, _: u64) -> Option<Next> {
        None
    }

    #[cfg(feature = "schedule")]
    pub(super) fn advance_schedule(&mut self, now: u64) -> Option<Next> {
        self.schedule.as_mut().map(|schedule| schedule.advance(now))
    }

    /// The context of the ticks that are tasks.
    pub(super) fn ticks(
        &mut self,
        parent: Option<&Arc<Node>>,
        location: &'static Location<'static>,
    ) -> &Ticks {
        let Self {
            name,
            handler,
            context,
            ..
        } = self;
        context.get_or_insert_with(|| Ticks::new(name.clone(), handler.clone(), parent, location))
    }
}

/// A duration in ns, as far as 64 bits reach: 584 years.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The running ticks of one timer, those that are tasks.
pub(super) struct Ticks {
    pub(super) spawner: Spawner,
    heir: Option<Arc<Node>>,
    orphaned: bool,
}

impl Ticks {
    fn new(
        name: Option<Arc<str>>,
        handler: Handler,
        parent: Option<&Arc<Node>>,
        location: &'static Location<'static>,
    ) -> Self {
        let mut node = Node::new(Kind::Timer, parent.cloned(), location);
        node.name = name;
        node.family = Some(Family::new(
            Policy::Handle(handler),
            Duration::ZERO,
            None,
            false,
        ));
        let node = Arc::new(node);
        register(&node);
        Self {
            spawner: Spawner::here(&node),
            heir: parent.cloned(),
            orphaned: false,
        }
    }

    pub(super) fn node(&self) -> &Arc<Node> {
        self.spawner.node()
    }

    /// What there is to do about the ticks when nobody will wait for them: once.
    pub(super) fn take_abandoned(&mut self) -> Option<Abandoned> {
        if std::mem::replace(&mut self.orphaned, true) {
            return None;
        }
        Some(Abandoned {
            node: Arc::clone(self.node()),
            heir: self.heir.clone(),
        })
    }
}

impl Drop for Ticks {
    fn drop(&mut self) {
        if let Some(ticks) = self.take_abandoned() {
            ticks.abandon(&CancelReason::of(ReasonKind::Dropped));
        }
    }
}

/// Ticks that nobody waits for.
pub(super) struct Abandoned {
    node: Arc<Node>,
    heir: Option<Arc<Node>>,
}

impl Abandoned {
    /// Asks the ticks to end, now and in future; the group of the timer waits for them, or else the process.
    pub(super) fn abandon(self, reason: &CancelReason) {
        self.node.cancel_children(reason);
        self.node.orphan(self.heir);
    }
}
