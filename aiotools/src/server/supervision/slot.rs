//! The place of one worker: an index, and the processes that have to do with it.

use std::time::Instant;

use super::{
    member::{Member, WorkerId},
    restart::History,
};

#[derive(Debug)]
pub(super) struct Slot {
    /// The one that serves, or is to.
    pub(super) current: Option<Member>,
    /// The one that is to take its place once it is ready.
    pub(super) successor: Option<Member>,
    /// Those that have been told to stop, or have failed and are about to end.
    pub(super) leaving: Vec<Member>,
    /// When to fill the place again.
    pub(super) retry_at: Option<Instant>,
    /// When its worker may go, which gets no new connection any more; for a slot that was taken away.
    pub(super) retire_at: Option<Instant>,
    pub(super) history: History,
    pub(super) origin: Origin,
    /// Left empty for good, after a failure that was to be ignored.
    pub(super) given_up: bool,
    /// Whether a worker has ever been ready here.
    pub(super) was_ready: bool,
    /// How often another worker was started in the place of one that died.
    pub(super) restarts: u64,
    /// The pid of the worker that was started last.
    pub(super) last_pid: u32,
}

/// Why a place is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Start,
    Scale,
}

/// What a worker is to its slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Current,
    Successor,
    Leaving,
}

impl Slot {
    pub(super) fn new(origin: Origin) -> Self {
        Self {
            current: None,
            successor: None,
            leaving: Vec::new(),
            retry_at: None,
            retire_at: None,
            history: History::default(),
            origin,
            given_up: false,
            was_ready: false,
            restarts: 0,
            last_pid: 0,
        }
    }

    /// Begins anew, after it was taken away.
    pub(super) fn reopen(&mut self) {
        self.origin = Origin::Scale;
        self.was_ready = false;
        self.given_up = false;
    }

    pub(super) fn members(&self) -> impl Iterator<Item = &Member> {
        self.current
            .iter()
            .chain(&self.successor)
            .chain(&self.leaving)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members().next().is_none()
    }

    /// When its worker may go, if it has one.
    pub(super) fn retires_at(&self) -> Option<Instant> {
        self.retire_at.filter(|_| self.current.is_some())
    }

    /// Whether the worker in place is at its `yield_!`, or there is to be none.
    pub(super) fn is_ready(&self) -> bool {
        let ready = |member: &Member| member.ready.is_some();
        self.given_up || self.current.as_ref().is_some_and(ready)
    }

    pub(super) fn place_of(&self, id: WorkerId) -> Option<Place> {
        let is = |member: &Member| member.id == id;
        if self.current.as_ref().is_some_and(is) {
            Some(Place::Current)
        } else if self.successor.as_ref().is_some_and(is) {
            Some(Place::Successor)
        } else {
            self.leaving.iter().any(is).then_some(Place::Leaving)
        }
    }

    pub(super) fn get_mut(&mut self, id: WorkerId) -> Option<&mut Member> {
        match self.place_of(id)? {
            Place::Current => self.current.as_mut(),
            Place::Successor => self.successor.as_mut(),
            Place::Leaving => self.leaving.iter_mut().find(|member| member.id == id),
        }
    }

    /// Takes a worker out.
    pub(super) fn take(&mut self, id: WorkerId) -> Option<Member> {
        match self.place_of(id)? {
            Place::Current => self.current.take(),
            Place::Successor => self.successor.take(),
            Place::Leaving => self.leaving.extract_if(.., |member| member.id == id).next(),
        }
    }
}
