//! The timer wheel: which entry is due next, among any number of them, in constant time.
//!
//! Six levels of 64 slots. A slot of level `n` spans `64^n` ms; what is further away than all of them waits in the last level and is
//! looked at again when its slot comes round. A slot is a queue of keys, in blocks of a cache line, so that looking at many entries is many looks
//! that do not wait for each other, as those along a list do.
//!
//! 1. A key in the wheel is a hint: only its entry says when it is due, and whether it still is. Taking an entry out costs nothing; its key is
//!    *stale* from then on, and goes when its slot is opened, or with all others that are stale when they are too many.
//! 2. For an entry that is due at `when` there is a key in the slot that [`slot_of`] gives for `when` and the current `elapsed`, or among those that
//!    are pending.

use super::{chunks::Chunks, prefetch::prefetch};

/// No block.
const NONE: u32 = u32::MAX;

const LEVELS: usize = 6;
const SLOTS: usize = 64;
/// What the whole wheel spans, in ms: a bit more than two years.
const SPAN: u64 = 1 << (6 * LEVELS);
/// So many stale keys are not worth looking for.
const FEW: usize = 64;

const KEYS: usize = 14;

/// Some keys of a queue, in order.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Block {
    keys: [u32; KEYS],
    len: u32,
    next: u32,
}

const _: () = assert!(size_of::<Block>() == 64);

/// A queue of keys: its first and its last block.
#[derive(Clone, Copy)]
struct Queue {
    first: u32,
    last: u32,
}

const EMPTY: Queue = Queue {
    first: NONE,
    last: NONE,
};

/// Where the entries are.
pub(super) trait Entries {
    /// When this one is due, if it is.
    fn when(&self, key: u32) -> Option<u64>;
    /// It will be asked for.
    fn prefetch(&self, key: u32);
}

struct Blocks {
    all: Chunks<Block>,
    /// The first of those that are not used.
    free: u32,
}

impl Blocks {
    #[inline]
    fn push(&mut self, queue: &mut Queue, key: u32) {
        if queue.last != NONE {
            let block = self.all.get_mut(queue.last);
            if let Some(place) = block.keys.get_mut(block.len as usize) {
                *place = key;
                block.len += 1;
                return;
            }
        }
        self.push_block(queue, key);
    }

    #[inline(never)]
    fn push_block(&mut self, queue: &mut Queue, key: u32) {
        let mut block = Block {
            keys: [0; KEYS],
            len: 1,
            next: NONE,
        };
        block.keys[0] = key;
        let at = match self.free {
            NONE => self.all.push(block),
            at => {
                self.free = std::mem::replace(self.all.get_mut(at), block).next;
                at
            }
        };
        match queue.last {
            NONE => queue.first = at,
            last => self.all.get_mut(last).next = at,
        }
        queue.last = at;
    }

    /// Takes the first block out of a queue that is not empty.
    fn pop(&mut self, queue: &mut Queue) -> Block {
        let free = Block {
            keys: [0; KEYS],
            len: 0,
            next: self.free,
        };
        let block = std::mem::replace(self.all.get_mut(queue.first), free);
        self.free = queue.first;
        queue.first = block.next;
        if queue.first == NONE {
            queue.last = NONE;
        }
        block
    }
}

/// The wheel. Time is counted in ms from any start.
pub(super) struct Wheel {
    elapsed: u64,
    /// Which slots of a level are not empty.
    occupied: [u64; LEVELS],
    slots: Box<[[Queue; SLOTS]; LEVELS]>,
    /// Due, not yet popped, in order; and how many of its first block have been.
    pending: Queue,
    popped: u32,
    blocks: Blocks,
    keys: usize,
    stale: usize,
}

/// The level and the slot for something that is due at `when`.
#[inline]
fn slot_of(elapsed: u64, when: u64) -> (usize, usize) {
    // The highest bit in which the two differ says on which level they part.
    let differ = (elapsed ^ when | (SLOTS as u64 - 1)).min(SPAN - 1);
    let level = (63 - differ.leading_zeros() as usize) / 6;
    (level, (when >> (6 * level)) as usize % SLOTS)
}

impl Wheel {
    pub(super) fn new() -> Self {
        Self {
            elapsed: 0,
            occupied: [0; LEVELS],
            slots: Box::new([[EMPTY; SLOTS]; LEVELS]),
            pending: EMPTY,
            popped: 0,
            blocks: Blocks {
                all: Chunks::new(),
                free: NONE,
            },
            keys: 0,
            stale: 0,
        }
    }

    /// Adds an entry. One that is due already is due at the next look.
    #[inline]
    pub(super) fn insert(&mut self, key: u32, when: u64) {
        if when <= self.elapsed {
            return self.insert_due(key);
        }
        self.keys += 1;
        self.place(key, when);
    }

    /// Adds an entry that is due at the next look.
    #[inline]
    pub(super) fn insert_due(&mut self, key: u32) {
        self.keys += 1;
        self.blocks.push(&mut self.pending, key);
    }

    #[inline]
    fn place(&mut self, key: u32, when: u64) {
        let (level, slot) = slot_of(self.elapsed, when);
        self.occupied[level] |= 1 << slot;
        self.blocks.push(&mut self.slots[level][slot], key);
    }

    /// An entry whose key is in the wheel is no longer due then. Gives all keys, to be inserted again or not, when too many are stale.
    pub(super) fn forget(&mut self) -> Option<Vec<u32>> {
        self.stale += 1;
        (self.stale > FEW && self.stale > self.keys / 2).then(|| self.drain())
    }

    /// The key that was popped was stale.
    pub(super) fn was_stale(&mut self) {
        self.stale -= 1;
    }

    /// Takes out the next key that is due at `now`, or is stale; in order of time.
    #[inline]
    pub(super) fn pop(&mut self, now: u64, entries: &impl Entries) -> Option<u32> {
        while self.pending.first == NONE {
            match self.next_slot() {
                Some((level, slot, at)) if at <= now => self.open(level, slot, at, entries),
                _ => {
                    self.elapsed = self.elapsed.max(now);
                    return None;
                }
            }
        }
        let block = self.blocks.all.get(self.pending.first);
        let key = block.keys[self.popped as usize];
        self.popped += 1;
        self.keys -= 1;
        if self.popped == block.len {
            self.popped = 0;
            self.blocks.pop(&mut self.pending);
        }
        Some(key)
    }

    /// When to look again: when the next entry is due, or some time before that. Nothing is pending.
    pub(super) fn next(&self) -> Option<u64> {
        debug_assert!(self.pending.first == NONE, "look now");
        self.next_slot().map(|(.., at)| at)
    }

    /// The slot that comes first, and when it begins. A lower level always comes before a higher one.
    fn next_slot(&self) -> Option<(usize, usize, u64)> {
        let n = self.occupied.iter().position(|slots| *slots != 0)?;
        let width = 1u64 << (6 * n);
        // The slot that time is in is empty, except that of the last level, which then means: a whole round later.
        let after = ((self.elapsed / width) as usize + 1) % SLOTS;
        let ahead = self.occupied[n].rotate_right(after as u32).trailing_zeros() as usize;
        let slot = (after + ahead) % SLOTS;
        let range = width * SLOTS as u64;
        let mut at = self.elapsed - self.elapsed % range + slot as u64 * width;
        if at <= self.elapsed {
            at += range;
        }
        Some((n, slot, at))
    }

    /// Moves time to the begin of a slot, and its keys to where they belong then. Nothing is pending.
    fn open(&mut self, level: usize, slot: usize, at: u64, entries: &impl Entries) {
        self.elapsed = self.elapsed.max(at);
        self.occupied[level] &= !(1 << slot);
        let mut opened = std::mem::replace(&mut self.slots[level][slot], EMPTY);
        if level == 0 {
            // They are all due at this very ms.
            self.pending = opened;
            return;
        }
        while opened.first != NONE {
            let block = self.blocks.pop(&mut opened);
            let keys = &block.keys[..block.len as usize];
            if opened.first != NONE {
                prefetch(self.blocks.all.get(opened.first));
            }
            keys.iter().for_each(|key| entries.prefetch(*key));
            for key in keys {
                match entries.when(*key) {
                    Some(when) if when > self.elapsed => self.place(*key, when),
                    Some(_) => self.blocks.push(&mut self.pending, *key),
                    None => {
                        self.keys -= 1;
                        self.stale -= 1;
                    }
                }
            }
        }
    }

    /// Takes out all keys.
    #[cold]
    fn drain(&mut self) -> Vec<u32> {
        let mut keys = Vec::with_capacity(self.keys);
        let mut popped = std::mem::take(&mut self.popped) as usize;
        let slots = self.slots.as_flattened_mut().iter_mut();
        for queue in std::iter::once(&mut self.pending).chain(slots) {
            while queue.first != NONE {
                let block = self.blocks.pop(queue);
                keys.extend(&block.keys[std::mem::take(&mut popped)..block.len as usize]);
            }
        }
        self.occupied = [0; LEVELS];
        self.keys = 0;
        self.stale = 0;
        keys
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Entries, Wheel};

    impl Entries for Vec<Option<u64>> {
        fn when(&self, key: u32) -> Option<u64> {
            self[key as usize]
        }

        fn prefetch(&self, _: u32) {}
    }

    /// As the wheel should be: sorted.
    #[test]
    fn does_what_a_sorted_set_does() {
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = move |below: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % below
        };
        let mut drained = 0;
        for round in 0..300 {
            let start = if round % 3 == 0 { random(1 << 50) } else { 0 };
            // In some rounds, so many are taken out that the stale ones are swept.
            let many = if round % 5 == 0 { 8 } else { 1 };
            let mut wheel = Wheel::new();
            let mut entries: Vec<Option<u64>> = Vec::new();
            let mut model = BTreeSet::new();
            let mut now = 0;
            assert_eq!(wheel.pop(start, &Vec::new()), None);
            now += start;
            for _ in 0..300 {
                match random(4) {
                    0 | 1 => {
                        for _ in 0..many {
                            let far = 1 << random(42);
                            let key = entries.len() as u32;
                            let when = now + random(far);
                            entries.push(Some(when));
                            wheel.insert(key, when);
                            model.insert((when, key));
                        }
                    }
                    2 => {
                        for _ in 0..many.min(model.len()) {
                            let n = random(model.len() as u64) as usize;
                            let &(when, key) = model.iter().nth(n).unwrap();
                            model.remove(&(when, key));
                            entries[key as usize] = None;
                            for key in wheel.forget().into_iter().flatten() {
                                drained += 1;
                                if let Some(when) = entries[key as usize] {
                                    wheel.insert(key, when);
                                }
                            }
                        }
                    }
                    _ => {
                        let shift = random(40);
                        now += random(1 << shift);
                        let mut last = 0;
                        while let Some(key) = wheel.pop(now, &entries) {
                            let Some(when) = entries[key as usize].take() else {
                                wheel.was_stale();
                                continue;
                            };
                            assert!(when >= last && when <= now, "out of order");
                            last = when;
                            assert!(
                                model.iter().any(|entry| entry.1 == key),
                                "popped twice or after its removal"
                            );
                            model.retain(|entry| entry.1 != key);
                        }
                        assert!(model.iter().all(|entry| entry.0 > now), "forgotten");
                        match (wheel.next(), model.first()) {
                            (None, None) => {}
                            // The slot of a stale key may come first.
                            (Some(next), first) => {
                                assert!(next > now, "{next} {now}");
                                assert!(first.is_none_or(|first| next <= first.0), "{first:?}");
                            }
                            (None, Some(first)) => panic!("never, but {first:?} at {now}"),
                        }
                    }
                }
                assert_eq!(wheel.keys, model.len() + wheel.stale);
            }
        }
        assert!(drained > 0, "never swept");
    }
}
