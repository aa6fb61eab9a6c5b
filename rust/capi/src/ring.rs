//! Input ring of a link: one producer (the radio's context), one consumer (the poll task), no lock.
//!
//! Content is a sequence of chunks: 2 bytes of length and marks, then the bytes. Some space is
//! kept back, so that a packet there is no room for still leaves its header: its sender gets an
//! answer instead of a timeout.

use core::sync::atomic::{AtomicU16, Ordering};
use smpkit_core::Error;

/// The chunk begins a packet.
pub(crate) const FIRST: u16 = 0x8000;
/// The chunk ends a packet.
pub(crate) const LAST: u16 = 0x4000;
/// The rest of the packet was lost.
pub(crate) const CUT: u16 = 0x2000;
const LEN: u16 = 0x1FFF;
/// Marks that can still be stored when data cannot: a bare one, and one with a packet header.
const RESERVE: usize = 2 + 2 + 8;

/// Smallest and largest ring.
pub(crate) const MIN: u32 = 64;
pub(crate) const MAX: u32 = 0x1FFF;

/// A ring over memory of the caller.
pub(crate) struct Ring {
    memory: *mut u8,
    size: u16,
    /// Next byte to write; changed by the producer only.
    head: AtomicU16,
    /// Next byte to read; changed by the consumer only.
    tail: AtomicU16,
}

/// A chunk at the end of the ring: its marks, and its bytes up to the wrap.
pub(crate) struct Chunk<'r> {
    pub(crate) marks: u16,
    pub(crate) bytes: &'r [u8],
    /// Bytes of it behind the wrap.
    pub(crate) more: usize,
}

impl Ring {
    /// # Safety
    /// `memory` has `size` bytes, at most MAX, which nothing else uses while the ring lives.
    pub(crate) unsafe fn new(memory: *mut u8, size: u16) -> Ring {
        Ring {
            memory,
            size,
            head: AtomicU16::new(0),
            tail: AtomicU16::new(0),
        }
    }

    fn used(&self, head: u16, tail: u16) -> usize {
        let (head, tail) = (usize::from(head), usize::from(tail));
        if head >= tail {
            head - tail
        } else {
            head + usize::from(self.size) - tail
        }
    }

    /// Store a chunk; `urgent` may use the reserve.
    pub(crate) fn push(&self, marks: u16, bytes: &[u8], urgent: bool) -> Result<(), Error> {
        let head = self.head.load(Ordering::Relaxed);
        let tail = self.tail.load(Ordering::Acquire);
        let free = usize::from(self.size) - 1 - self.used(head, tail);
        let need = 2 + bytes.len() + if urgent { 0 } else { RESERVE };
        if need > free || bytes.len() > usize::from(LEN) {
            return Err(Error::NOMEM);
        }
        let word = (marks | bytes.len() as u16).to_le_bytes();
        let at = self.store(head, &word);
        let at = self.store(at, bytes);
        self.head.store(at, Ordering::Release);
        Ok(())
    }

    /// Copy behind `at`, around the wrap. The space was found free.
    fn store(&self, at: u16, bytes: &[u8]) -> u16 {
        let start = usize::from(at);
        let room = usize::from(self.size) - start;
        let (front, back) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        // SAFETY: start + front.len() <= size; back.len() <= start, since the space was free.
        unsafe {
            core::ptr::copy_nonoverlapping(front.as_ptr(), self.memory.add(start), front.len());
            core::ptr::copy_nonoverlapping(back.as_ptr(), self.memory, back.len());
        }
        self.wrap(start + bytes.len())
    }

    fn wrap(&self, at: usize) -> u16 {
        let size = usize::from(self.size);
        (if at >= size { at - size } else { at }) as u16
    }

    fn byte(&self, at: u16) -> u8 {
        // SAFETY: positions are below size.
        unsafe { *self.memory.add(usize::from(at)) }
    }

    /// The oldest chunk, `done` bytes of which were taken before.
    pub(crate) fn peek(&self, done: u16) -> Option<Chunk<'_>> {
        let tail = self.tail.load(Ordering::Relaxed);
        if tail == self.head.load(Ordering::Acquire) {
            return None;
        }
        let second = self.wrap(usize::from(tail) + 1);
        let word = u16::from_le_bytes([self.byte(tail), self.byte(second)]);
        let left = usize::from((word & LEN).saturating_sub(done));
        let start = usize::from(self.wrap(usize::from(tail) + 2 + usize::from(done)));
        let len = left.min(usize::from(self.size) - start);
        Some(Chunk {
            marks: word & !LEN,
            // SAFETY: the producer wrote these bytes before it moved head, and does not touch
            // them until tail moves.
            bytes: unsafe { core::slice::from_raw_parts(self.memory.add(start), len) },
            more: left - len,
        })
    }

    /// Give back the oldest chunk.
    pub(crate) fn pop(&self) {
        let tail = self.tail.load(Ordering::Relaxed);
        let second = self.wrap(usize::from(tail) + 1);
        let word = u16::from_le_bytes([self.byte(tail), self.byte(second)]);
        let next = self.wrap(usize::from(tail) + 2 + usize::from(word & LEN));
        self.tail.store(next, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_come_out_as_they_went_in_around_the_wrap() {
        let mut memory = [0u8; 64];
        let ring = unsafe { Ring::new(memory.as_mut_ptr(), 64) };
        for round in 0..500u16 {
            let bytes: Vec<u8> = (0..round % 40).map(|n| (n + round) as u8).collect();
            ring.push(FIRST, &bytes, false).unwrap();
            let mut got = Vec::new();
            loop {
                let chunk = ring.peek(got.len() as u16).unwrap();
                assert_eq!(chunk.marks, FIRST);
                got.extend_from_slice(chunk.bytes);
                if chunk.more == 0 {
                    break;
                }
            }
            assert_eq!(got, bytes);
            ring.pop();
            assert!(ring.peek(0).is_none());
        }
    }

    #[test]
    fn a_full_ring_still_takes_a_packet_header() {
        let mut memory = [0u8; 64];
        let ring = unsafe { Ring::new(memory.as_mut_ptr(), 64) };
        while ring.push(FIRST | LAST, &[1; 5], false).is_ok() {}
        assert!(ring.push(FIRST | CUT, &[2; 8], true).is_ok());
        let mut last = 0;
        while let Some(chunk) = ring.peek(0) {
            last = chunk.marks;
            ring.pop();
        }
        assert_eq!(last, FIRST | CUT);
    }
}
