//! Input ring of a link: one producer (the radio's context), one consumer (the poll task), no lock.
//!
//! Content is a sequence of chunks: 2 bytes of length and mark, then the bytes. Some space is
//! kept back, so that a packet there is no room for still leaves its header: its sender gets an
//! answer instead of a timeout.

use core::cell::Cell;
use core::sync::atomic::{AtomicUsize, Ordering};
use smpkit_core::Error;

/// The rest of the packet was lost. A chunk that says so may use the reserve.
pub(crate) const CUT: usize = 0x4000;
/// In every header: a chunk is at hand even when it is empty.
const CHUNK: usize = 0x8000;
const LEN: usize = 0x1FFF;
/// Cuts that can still be stored when data cannot: a bare one, and one with a packet header.
const RESERVE: usize = 2 + 2 + 8;

/// Smallest and largest ring.
pub(crate) const MIN: u32 = 64;
pub(crate) const MAX: u32 = 0x1FFF;

/// A ring over memory of the caller.
#[repr(C)]
pub(crate) struct Ring {
    /// Next byte to write; changed by the producer only.
    head: AtomicUsize,
    /// Next byte to read; changed by the consumer only.
    tail: AtomicUsize,
    /// Consumer: header of the chunk at hand with the length that is left; 0 between chunks.
    chunk: Cell<usize>,
    memory: *mut u8,
    size: usize,
}

impl Ring {
    /// Give memory to a ring that was zero until now.
    ///
    /// # Safety
    /// `memory` has `size` bytes, at most MAX, which nothing else uses while the ring lives.
    pub(crate) unsafe fn set(&mut self, memory: *mut u8, size: u32) {
        self.memory = memory;
        self.size = size as usize;
    }

    pub(crate) fn size(&self) -> u32 {
        self.size as u32
    }

    /// Store a chunk, marked with CUT or 0.
    #[inline(never)]
    pub(crate) fn push(&self, mark: usize, bytes: &[u8]) -> Result<(), Error> {
        let mut at = self.head.load(Ordering::Relaxed);
        let behind = self.tail.load(Ordering::Acquire).wrapping_sub(at + 1);
        // Negative when the free space goes around the wrap.
        let free = if (behind as isize) < 0 {
            behind.wrapping_add(self.size)
        } else {
            behind
        };
        let need = 2 + bytes.len() + if mark == 0 { RESERVE } else { 0 };
        if need > free {
            return Err(Error::NOMEM);
        }
        let word = CHUNK | mark | bytes.len();
        at = self.put(at, word as u8);
        at = self.put(at, (word >> 8) as u8);
        let mut rest = bytes;
        while !rest.is_empty() {
            let n = rest.len().min(self.size - at);
            // SAFETY: n is not more than what is left of `bytes`, nor than there is up to the
            // wrap; the space was found free.
            unsafe {
                core::ptr::copy_nonoverlapping(rest.as_ptr(), self.memory.add(at), n);
                rest = rest.get_unchecked(n..);
            }
            at = self.wrap(at + n);
        }
        self.head.store(at, Ordering::Release);
        Ok(())
    }

    fn put(&self, at: usize, byte: u8) -> usize {
        // SAFETY: positions are below size.
        unsafe { *self.memory.add(at) = byte };
        self.wrap(at + 1)
    }

    fn wrap(&self, at: usize) -> usize {
        if at >= self.size {
            at - self.size
        } else {
            at
        }
    }

    #[inline(never)]
    fn get(&self) -> usize {
        let tail = self.tail.load(Ordering::Relaxed);
        // SAFETY: positions are below size.
        let byte = unsafe { *self.memory.add(tail) };
        self.tail.store(self.wrap(tail + 1), Ordering::Release);
        usize::from(byte)
    }

    /// Whether there is a chunk. Its header is taken.
    pub(crate) fn has_chunk(&self) -> bool {
        if self.chunk.get() == 0 {
            if self.tail.load(Ordering::Relaxed) == self.head.load(Ordering::Acquire) {
                return false;
            }
            let low = self.get();
            self.chunk.set(low | self.get() << 8);
        }
        true
    }

    /// What is left of the chunk, up to the wrap.
    pub(crate) fn peek(&self) -> &[u8] {
        let tail = self.tail.load(Ordering::Relaxed);
        let len = (self.chunk.get() & LEN).min(self.size - tail);
        // SAFETY: the producer wrote these bytes before it moved head, and does not touch them
        // until tail moves.
        unsafe { core::slice::from_raw_parts(self.memory.add(tail), len) }
    }

    /// Give back the first `n` bytes of what `peek` showed. Returns the mark of the chunk if that
    /// was its end.
    pub(crate) fn take(&self, n: usize) -> Option<usize> {
        let tail = self.wrap(self.tail.load(Ordering::Relaxed) + n);
        self.tail.store(tail, Ordering::Release);
        let chunk = self.chunk.get() - n;
        let over = chunk & LEN == 0;
        self.chunk.set(if over { 0 } else { chunk });
        over.then_some(chunk & CUT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(memory: &mut [u8; 64]) -> Ring {
        // SAFETY: numbers and a pointer.
        let mut ring: Ring = unsafe { core::mem::zeroed() };
        unsafe { ring.set(memory.as_mut_ptr(), 64) };
        ring
    }

    #[test]
    fn chunks_come_out_as_they_went_in_around_the_wrap() {
        let mut memory = [0u8; 64];
        let ring = ring(&mut memory);
        for round in 0..500u16 {
            let bytes: Vec<u8> = (0..round % 40).map(|n| (n + round) as u8).collect();
            ring.push(0, &bytes).unwrap();
            let mut got = Vec::new();
            loop {
                assert!(ring.has_chunk());
                let part = ring.peek();
                let used = part.len().min(7);
                got.extend_from_slice(&part[..used]);
                if let Some(mark) = ring.take(used) {
                    assert_eq!(mark, 0);
                    break;
                }
            }
            assert_eq!(got, bytes);
            assert!(!ring.has_chunk());
        }
    }

    #[test]
    fn a_full_ring_still_takes_a_packet_header() {
        let mut memory = [0u8; 64];
        let ring = ring(&mut memory);
        while ring.push(0, &[1; 5]).is_ok() {}
        assert!(ring.push(CUT, &[2; 8]).is_ok());
        assert!(ring.push(CUT, &[]).is_ok());
        let mut marks = Vec::new();
        while ring.has_chunk() {
            marks.extend(ring.take(ring.peek().len()));
        }
        assert!(marks.ends_with(&[0, CUT, CUT]));
    }
}
