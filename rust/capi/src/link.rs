//! A link: its ring, what the receiving side knows of packet borders, and how replies go out.

use crate::api::*;
use crate::kit::Kit;
use crate::ring::{Ring, CUT, FIRST, LAST};
use crate::serial::Codec;
use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use smpkit_core::transport::ble::Framer;
use smpkit_core::transport::serial::Decoder;
use smpkit_core::Error;

/// Marks an opened link.
const OPEN: u32 = 0x534D_504C;
/// What lies in the words of struct smpkit_link.
pub(crate) struct Link {
    open: u32,
    pub(crate) id: u8,
    /// Set by the consumer: the packet at hand was given up, the next byte begins another.
    resync: AtomicBool,
    /// Changes with every call of rx.
    activity: AtomicU8,
    /// The receiving side is inside a packet.
    inside: AtomicBool,
    /// Receiving side: the rest of the packet is being dropped.
    dropping: bool,
    framer: Framer,
    /// Consumer: bytes taken of the oldest chunk.
    pub(crate) taken: u16,
    /// Consumer: last activity seen, and when.
    seen: u8,
    seen_at: u32,
    pub(crate) decoder: Decoder,
    /// Of a serial link. A pointer, so that a firmware without one does not carry the code.
    pub(crate) codec: Option<&'static Codec>,
    pub(crate) ring: Ring,
    pub(crate) config: smpkit_link_config,
    pub(crate) next: *mut Link,
    pub(crate) kit: *mut Kit,
}

impl Link {
    pub(crate) fn new(config: &smpkit_link_config, id: u8, kit: *mut Kit) -> Link {
        Link {
            open: OPEN,
            id,
            resync: AtomicBool::new(false),
            activity: AtomicU8::new(0),
            inside: AtomicBool::new(false),
            dropping: false,
            framer: Framer::new(),
            taken: 0,
            seen: 0,
            seen_at: 0,
            decoder: Decoder::new(),
            codec: None,
            // SAFETY: checked by the caller: not NULL, size in range.
            ring: unsafe { Ring::new(config.ring.cast(), config.ring_size as u16) },
            config: *config,
            next: core::ptr::null_mut(),
            kit,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open == OPEN
    }

    pub(crate) fn close(&mut self) {
        self.open = 0;
    }

    /// Receiving side: cut what arrived into chunks. Never waits.
    pub(crate) fn receive(&mut self, data: &[u8]) -> Result<(), Error> {
        if self.resync.load(Ordering::Relaxed) {
            self.resync.store(false, Ordering::Relaxed);
            self.framer = Framer::new();
            self.dropping = false;
        }
        let count = self.activity.load(Ordering::Relaxed).wrapping_add(1);
        self.activity.store(count, Ordering::Relaxed);
        let result = match self.codec {
            Some(codec) => (codec.receive)(self, data),
            None if self.config.kind == SMPKIT_LINK_BLE => self.fragment(data),
            None => self.piece(FIRST | LAST, data),
        };
        let inside = !self.framer.is_at_start();
        self.inside.store(inside, Ordering::Relaxed);
        result
    }

    fn fragment(&mut self, data: &[u8]) -> Result<(), Error> {
        let mut result = Ok(());
        let mut rest = data;
        let mut begins = true;
        while let Some(piece) = self.framer.next(rest, begins) {
            begins = false;
            let (bytes, behind) = rest.split_at_checked(piece.len).unwrap_or((rest, &[]));
            let first = if piece.first { FIRST } else { 0 };
            let last = if piece.last { LAST } else { 0 };
            if piece.first {
                self.dropping = false;
            }
            if !self.dropping {
                result = result.and(self.piece(first | last, bytes));
            }
            rest = behind;
        }
        result
    }

    /// Store a piece of a packet, or else that the packet was cut here.
    fn piece(&mut self, marks: u16, bytes: &[u8]) -> Result<(), Error> {
        let stored = self.ring.push(marks, bytes, false);
        if stored.is_err() {
            self.dropping = true;
            let head = if marks & FIRST != 0 { bytes } else { &[] };
            let head = head.get(..8).unwrap_or(head);
            let _ = self.ring.push(marks & FIRST | CUT, head, true);
        }
        stored
    }

    /// Consumer: whether the sender of a half packet has been silent for `limit` ms. Then the
    /// receiving side is told to start afresh.
    pub(crate) fn is_stale(&mut self, now: u32, limit: u32) -> bool {
        let count = self.activity.load(Ordering::Relaxed);
        if count != self.seen || !self.inside.load(Ordering::Relaxed) {
            self.seen = count;
            self.seen_at = now;
            return false;
        }
        let stale = now.wrapping_sub(self.seen_at) >= limit;
        if stale {
            self.resync.store(true, Ordering::Relaxed);
            self.seen_at = now;
        }
        stale
    }

    /// Whether a chunk is a whole datagram.
    pub(crate) fn is_datagram(&self) -> bool {
        self.codec.is_none() && self.config.kind == SMPKIT_LINK_DATAGRAM
    }

    /// Whether the receiving side is in the middle of a packet.
    pub(crate) fn is_inside(&self) -> bool {
        self.inside.load(Ordering::Relaxed)
    }

    /// Send the next piece of a reply of which `sent` bytes are out. Returns the new count, which
    /// ends at `transmit_len`.
    pub(crate) fn transmit(&self, reply: &[u8], sent: usize) -> Result<usize, Error> {
        if let Some(codec) = self.codec {
            return (codec.transmit)(self, reply, sent);
        }
        let rest = reply.get(sent..).unwrap_or_default();
        let piece = rest.get(..self.config.mtu as usize).unwrap_or(rest);
        self.put(piece)?;
        Ok(sent + piece.len())
    }

    /// Bytes `transmit` counts up to for a reply.
    pub(crate) fn transmit_len(&self, reply: usize) -> usize {
        reply + self.codec.map_or(0, |codec| codec.overhead)
    }

    pub(crate) fn put(&self, bytes: &[u8]) -> Result<(), Error> {
        let tx = self.config.tx.ok_or(Error::NOSYS)?;
        // SAFETY: the callback reads exactly len bytes.
        Error::check(unsafe { tx(self.config.ctx, bytes.as_ptr().cast(), bytes.len() as u32) })
    }

    /// Security bits a writing request lacks now.
    pub(crate) fn lacking(&self) -> u32 {
        let required = self.config.required_security;
        let present = match self.config.security {
            // SAFETY: plain numbers.
            Some(security) => unsafe { security(self.config.ctx) },
            None => 0,
        };
        required & !present
    }

    /// Largest packet that can arrive: a datagram has to fit whole.
    pub(crate) fn frame_limit(&self) -> u32 {
        if self.is_datagram() {
            self.config.mtu.min(self.config.ring_size - 16)
        } else {
            u32::MAX
        }
    }
}

/// Refuse settings that cannot work and fill in defaults.
pub(crate) fn settle(config: &smpkit_link_config) -> Result<smpkit_link_config, Error> {
    let mut config = *config;
    if config.tx.is_none() {
        return Err(Error::NOSYS);
    }
    if config.ring.is_null() || config.kind > SMPKIT_LINK_DATAGRAM {
        return Err(Error::INVAL);
    }
    if config.ring_size < crate::ring::MIN {
        return Err(Error::NOMEM);
    }
    config.ring_size = config.ring_size.min(crate::ring::MAX);
    let ble = config.kind == SMPKIT_LINK_BLE;
    if config.mtu == 0 {
        config.mtu = if ble { 20 } else { 1472 };
    }
    if config.mtu < 8 {
        return Err(Error::INVAL);
    }
    if config.required_security == 0 && ble {
        config.required_security = SMPKIT_SECURITY_ENCRYPTED | SMPKIT_SECURITY_AUTHENTICATED;
    }
    config.required_security &= !SMPKIT_SECURITY_OPEN;
    Ok(config)
}
