//! What a child is given.

use std::{
    os::fd::OwnedFd,
    sync::{Mutex, PoisonError},
};

use super::channel::Message;

/// What the function of a child is given: its argument, its descriptors, and the means to say that it is
/// ready.
#[derive(Debug)]
pub struct ChildContext {
    arg: Vec<u8>,
    fds: Vec<OwnedFd>,
    channel: Mutex<Option<OwnedFd>>,
}

impl ChildContext {
    pub(super) fn new(arg: Vec<u8>, fds: Vec<OwnedFd>, channel: OwnedFd) -> Self {
        let channel = Mutex::new(Some(channel));
        Self { arg, fds, channel }
    }

    /// Tells whoever forked this child that it is ready: [`afork`](super::afork) returns.
    ///
    /// The second time, it does nothing. Whoever forked it may be gone, which is not noticed here.
    pub fn ready(&self) {
        let channel = self
            .channel
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(channel) = channel {
            let _ = Message::Ready.send(&channel);
        }
    }

    /// What [`Afork::arg`](super::Afork::arg) was given; empty if nothing.
    #[must_use]
    pub fn arg(&self) -> &[u8] {
        &self.arg
    }

    /// Takes the argument out.
    #[must_use]
    pub fn take_arg(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.arg)
    }

    /// Takes out the descriptors that [`Afork::fd`](super::Afork::fd) was given, in that order. They are
    /// close-on-exec.
    #[must_use]
    pub fn take_fds(&mut self) -> Vec<OwnedFd> {
        std::mem::take(&mut self.fds)
    }
}
