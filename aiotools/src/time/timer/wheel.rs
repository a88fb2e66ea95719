//! The timer wheel: which entry is due next, among any number of them, in constant time.
//!
//! Six levels of 64 slots. A slot of level `n` spans `64^n` ms; what is further away than all of them waits in the last level and is
//! looked at again when its slot comes round. Entries are numbers; their links live beside them, in whatever [`Links`] is, so the wheel
//! itself never allocates after it was made.
//!
//! Invariant: an entry that is linked and due at `when` is in the slot that [`slot_of`] gives for `when` and the current `elapsed`.

/// No entry.
pub(super) const NONE: u32 = u32::MAX;

const LEVELS: usize = 6;
const SLOTS: usize = 64;
/// What the whole wheel spans, in ms: a bit more than two years.
const SPAN: u64 = 1 << (6 * LEVELS);

/// Where the entries keep their links.
pub(super) trait Links {
    /// When it is due, in ms, which does not change while it is linked; and its links.
    fn entry(&mut self, key: u32) -> (u64, &mut Link);
    fn links(&mut self, key: u32) -> &mut Link;
}

/// The neighbours of an entry in its slot.
#[derive(Clone, Copy)]
pub(super) struct Link {
    prev: u32,
    next: u32,
}

impl Link {
    pub(super) const UNLINKED: Self = Self {
        prev: NONE,
        next: NONE,
    };
}

#[derive(Clone, Copy)]
struct Slot {
    first: u32,
    last: u32,
}

struct Level {
    occupied: u64,
    slots: [Slot; SLOTS],
}

/// The wheel. Time is counted in ms from any start.
pub(super) struct Wheel {
    elapsed: u64,
    levels: Box<[Level; LEVELS]>,
    /// Taken out of their slot, due, not yet popped; in order.
    pending: Slot,
}

const EMPTY: Slot = Slot {
    first: NONE,
    last: NONE,
};

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
        let levels = [const {
            Level {
                occupied: 0,
                slots: [EMPTY; SLOTS],
            }
        }; LEVELS];
        Self {
            elapsed: 0,
            levels: Box::new(levels),
            pending: EMPTY,
        }
    }

    /// Links an entry. One that is due already is due at the next look.
    #[inline]
    pub(super) fn insert(&mut self, key: u32, links: &mut impl Links) {
        let (when, link) = links.entry(key);
        let slot = if when <= self.elapsed {
            &mut self.pending
        } else {
            let (level, slot) = slot_of(self.elapsed, when);
            let level = &mut self.levels[level];
            level.occupied |= 1 << slot;
            &mut level.slots[slot]
        };
        let last = slot.last;
        *link = Link {
            prev: last,
            next: NONE,
        };
        slot.last = key;
        match last {
            NONE => slot.first = key,
            last => links.links(last).next = key,
        }
    }

    /// Unlinks an entry that is linked.
    pub(super) fn remove(&mut self, key: u32, links: &mut impl Links) {
        let (when, _) = links.entry(key);
        if when <= self.elapsed {
            unlink(&mut self.pending, key, links);
            return;
        }
        let (level, slot) = slot_of(self.elapsed, when);
        let level = &mut self.levels[level];
        unlink(&mut level.slots[slot], key, links);
        if level.slots[slot].first == NONE {
            level.occupied &= !(1 << slot);
        }
    }

    /// Unlinks and gives the next entry that is due at `now`, in order of time.
    pub(super) fn pop(&mut self, now: u64, links: &mut impl Links) -> Option<u32> {
        loop {
            let first = self.pending.first;
            if first != NONE {
                let next = std::mem::replace(links.links(first), Link::UNLINKED).next;
                self.pending.first = next;
                match next {
                    NONE => self.pending.last = NONE,
                    next => links.links(next).prev = NONE,
                }
                return Some(first);
            }
            match self.next_slot() {
                Some((level, slot, at)) if at <= now => self.open(level, slot, at, links),
                _ => {
                    self.elapsed = self.elapsed.max(now);
                    return None;
                }
            }
        }
    }

    /// When to look again: when the next entry is due, or some time before that.
    pub(super) fn next(&self) -> Option<u64> {
        if self.pending.first != NONE {
            return Some(self.elapsed);
        }
        self.next_slot().map(|(.., at)| at)
    }

    /// The slot that comes first, and when it begins. A lower level always comes before a higher one.
    fn next_slot(&self) -> Option<(usize, usize, u64)> {
        self.levels.iter().enumerate().find_map(|(n, level)| {
            if level.occupied == 0 {
                return None;
            }
            let width = 1u64 << (6 * n);
            // The slot that time is in is empty, except that of the last level, which then means: a whole round later.
            let after = ((self.elapsed / width) as usize + 1) % SLOTS;
            let ahead = level.occupied.rotate_right(after as u32).trailing_zeros() as usize;
            let slot = (after + ahead) % SLOTS;
            let range = width * SLOTS as u64;
            let mut at = self.elapsed - self.elapsed % range + slot as u64 * width;
            if at <= self.elapsed {
                at += range;
            }
            Some((n, slot, at))
        })
    }

    /// Moves time to the begin of a slot, and its entries to where they belong then. Nothing is pending.
    fn open(&mut self, level: usize, slot: usize, at: u64, links: &mut impl Links) {
        self.elapsed = self.elapsed.max(at);
        let opened = &mut self.levels[level];
        opened.occupied &= !(1 << slot);
        let opened = std::mem::replace(&mut opened.slots[slot], EMPTY);
        if level == 0 {
            // They are all due at this very ms.
            self.pending = opened;
            return;
        }
        let mut next = opened.first;
        while next != NONE {
            let key = next;
            next = std::mem::replace(links.links(key), Link::UNLINKED).next;
            self.insert(key, links);
        }
    }
}

#[inline]
fn unlink(slot: &mut Slot, key: u32, links: &mut impl Links) {
    let Link { prev, next } = std::mem::replace(links.links(key), Link::UNLINKED);
    match prev {
        NONE => slot.first = next,
        prev => links.links(prev).next = next,
    }
    match next {
        NONE => slot.last = prev,
        next => links.links(next).prev = prev,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Link, Links, NONE, Wheel};

    #[derive(Default)]
    struct Entries(Vec<(u64, Option<Link>)>);

    impl Links for Entries {
        fn entry(&mut self, key: u32) -> (u64, &mut Link) {
            let (when, link) = &mut self.0[key as usize];
            (*when, link.get_or_insert(Link::UNLINKED))
        }
        fn links(&mut self, key: u32) -> &mut Link {
            self.0[key as usize].1.get_or_insert(Link::UNLINKED)
        }
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
        for round in 0..300 {
            let start = if round % 3 == 0 { random(1 << 50) } else { 0 };
            let mut wheel = Wheel::new();
            let mut entries = Entries::default();
            let mut model = BTreeSet::new();
            let mut now = 0;
            assert_eq!(wheel.pop(start, &mut entries), None);
            now += start;
            for _ in 0..300 {
                match random(4) {
                    0 | 1 => {
                        let far = 1 << random(42);
                        let key = entries.0.len() as u32;
                        let when = now + random(far);
                        entries.0.push((when, None));
                        wheel.insert(key, &mut entries);
                        model.insert((when.max(now), key));
                    }
                    2 if !model.is_empty() => {
                        let n = random(model.len() as u64) as usize;
                        let &(when, key) = model.iter().nth(n).unwrap();
                        model.remove(&(when, key));
                        wheel.remove(key, &mut entries);
                    }
                    _ => {
                        let shift = random(40);
                        now += random(1 << shift);
                        let mut last = 0;
                        while let Some(key) = wheel.pop(now, &mut entries) {
                            let when = entries.0[key as usize].0;
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
                            (Some(next), Some(first)) => {
                                assert!(next <= first.0 && next > now, "{next} {now} {first:?}");
                            }
                            (next, first) => panic!("{next:?}, but {first:?} at {now}"),
                        }
                    }
                }
            }
        }
        assert_eq!(NONE, u32::MAX);
    }
}
