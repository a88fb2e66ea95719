//! [`Chunks`]: a list that grows without moving what is in it, and without room for twice as much.

const CHUNK: usize = 256;

/// Values by number.
pub(super) struct Chunks<T>(Vec<Vec<T>>);

impl<T> Chunks<T> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    #[inline]
    pub(super) fn get(&self, at: u32) -> &T {
        &self.0[at as usize / CHUNK][at as usize % CHUNK]
    }

    #[inline]
    pub(super) fn get_mut(&mut self, at: u32) -> &mut T {
        &mut self.0[at as usize / CHUNK][at as usize % CHUNK]
    }

    /// Adds a value; gives its number.
    pub(super) fn push(&mut self, value: T) -> u32 {
        if self.0.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            // The first chunk grows from nothing: most drivers have a few timers.
            let room = if self.0.is_empty() { 4 } else { CHUNK };
            self.0.push(Vec::with_capacity(room));
        }
        let full = self.0.len() - 1;
        let chunk = &mut self.0[full];
        chunk.push(value);
        (full * CHUNK + chunk.len() - 1) as u32
    }

    pub(super) fn len(&self) -> u32 {
        let full = self.0.len().saturating_sub(1) * CHUNK;
        (full + self.0.last().map_or(0, Vec::len)) as u32
    }
}
