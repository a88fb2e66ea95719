//! [`TimerDelayPolicy`]: what happens when a tick is due while another one runs.

/// What a timer does when a tick is due while an earlier one is still running.
///
/// | | `Accumulate` | `Cancel` | `Skip` | `Queue` |
/// |---|---|---|---|---|
/// | **a tick takes longer than the interval** | the next one starts beside it, up to `max_running` | it is cancelled; when its cleanup has ended, the next one starts; those due meanwhile are left out | the ticks due meanwhile are left out | the ticks due meanwhile run after it, back to back, up to `max_queued` |
/// | **a tick fails** | to the handler; the timer goes on | the same | the same | the same |
/// | **a tick panics** | to the handler; the timer goes on | the same | the same | the same |
/// | **the process was suspended, or the runtime was too busy, for several intervals** | one tick at once, then on schedule | the same | the same | each tick that was missed, back to back |
/// | **where a tick runs** | in a task of its own | in a task of its own | in the timer's driver; in a task of its own from its first suspension on | as `Skip` |
///
/// Ticks that were left out are counted by [`Timer::skipped`](super::Timer::skipped). Under every policy tick `n` is due at
/// `start + n × interval`, however long the others took.
///
/// A tick of `Skip` or `Queue` that never suspends costs no task and no allocation. Until its first suspension it runs in the
/// task that all timers of its runtime (or of its group) share, so it should not compute for long; `Accumulate` and `Cancel` are for
/// ticks that do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimerDelayPolicy {
    /// Ticks may overlap. What upstream calls `DEFAULT`.
    #[default]
    Accumulate,
    /// The running tick is cancelled, and has cleaned up, before the next one starts.
    Cancel,
    /// A tick that is due while another one runs is left out.
    Skip,
    /// A tick that is due while another one runs waits for it.
    Queue,
}

impl TimerDelayPolicy {
    /// [`Accumulate`](Self::Accumulate), by the name that upstream has for it.
    pub const DEFAULT: Self = Self::Accumulate;

    /// Whether ticks run in the driver, one at a time.
    pub(super) fn is_inline(self) -> bool {
        matches!(self, Self::Skip | Self::Queue)
    }
}
