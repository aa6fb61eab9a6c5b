//! A link: its ring, what the receiving side knows of packet borders, and how replies go out.

use crate::api::*;
use crate::check;
use crate::kit::Kit;
use crate::ring::{Ring, CUT, MAX, MIN};
use crate::serial::Codec;
use core::ffi::c_void;
use core::ptr::addr_of_mut;
use core::sync::atomic::{AtomicBool, Ordering};
use smpkit_core::transport::ble::Framer;
use smpkit_core::transport::serial::Decoder;
use smpkit_core::Error;

/// Smallest piece that is sent.
const MTU_MIN: u32 = 8;
/// Bytes of a packet that are enough for an answer.
const HEAD: usize = 8;

/// What lies in the words of struct smpkit_link. Small fields come first: they are reached with
/// shorter instructions.
#[repr(C)]
pub(crate) struct Link {
    /// The first word: see `check::marked`.
    open: u32,
    pub(crate) id: u8,
    /// Set by the consumer: the packet at hand was given up, the next byte begins another.
    resync: AtomicBool,
    /// Set by every call of rx, taken back by the consumer.
    active: AtomicBool,
    /// The receiving side is inside a packet.
    inside: AtomicBool,
    /// Receiving side: the rest of the packet is being dropped.
    dropping: bool,
    pub(crate) kit: *mut Kit,
    /// At the same place as the first link of World: the loops over both get shorter.
    pub(crate) next: *mut Link,
    framer: Framer,
    /// Consumer: when activity was last seen.
    seen_at: u32,
    pub(crate) decoder: Decoder,
    pub(crate) ring: Ring,
    /// Of a serial link. A pointer, so that a firmware without one does not carry the code.
    pub(crate) codec: Option<&'static Codec>,
    pub(crate) config: smpkit_link_config,
}

impl Link {
    /// Open a link in place.
    ///
    /// # Safety
    /// `at` has room for a Link; `config` passed `is_usable`.
    pub(crate) unsafe fn open(
        at: *mut Link,
        config: &smpkit_link_config,
        id: u8,
        kit: *mut Kit,
        next: *mut Link,
    ) -> &'static mut Link {
        // SAFETY: the caller's promise. Zero is "false", "none", NULL and an empty ring; framer and
        // decoder are written besides, since what they are made of is none of our business.
        let link = unsafe {
            at.write_bytes(0, 1);
            addr_of_mut!((*at).framer).write(Framer::new());
            addr_of_mut!((*at).decoder).write(Decoder::new());
            addr_of_mut!((*at).config).write(*config);
            &mut *at
        };
        link.open = check::LINK;
        link.id = id;
        link.kit = kit;
        link.next = next;
        // SAFETY: checked by is_usable: not NULL, size in range.
        unsafe { link.ring.set(config.ring.cast(), config.ring_size.min(MAX)) };
        link
    }

    /// Whether there is an open link behind a pointer of the caller.
    ///
    /// # Safety
    /// `link` is NULL or points to a struct smpkit_link.
    pub(crate) unsafe fn check(link: *const c_void) -> Result<(), Error> {
        // SAFETY: the words are either zero or hold a Link; the first one tells which.
        unsafe { check::marked(link, check::LINK) }
    }

    pub(crate) fn close(&mut self) {
        self.open = 0;
    }

    /// Receiving side: cut what arrived into chunks. Never waits.
    pub(crate) fn receive(&mut self, data: &[u8]) -> Result<(), Error> {
        if self.resync.load(Ordering::Relaxed) {
            self.resync.store(false, Ordering::Relaxed);
            self.framer = Framer::new();
        }
        self.active.store(true, Ordering::Relaxed);
        let result = match self.codec {
            Some(codec) => (codec.receive)(self, data),
            None if self.config.kind == SMPKIT_LINK_BLE => self.fragment(data),
            None => self.piece(true, data),
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
            // SAFETY: a piece is a part of what the framer was shown.
            let (bytes, behind) = unsafe { rest.split_at_unchecked(piece.len) };
            if piece.first {
                self.dropping = false;
            }
            if !self.dropping {
                // Pieces fail for one reason only.
                result = result.and(self.piece(piece.first, bytes));
            }
            rest = behind;
        }
        result
    }

    /// Store a piece of a packet, or else that the packet was cut here.
    #[inline(never)]
    fn piece(&mut self, first: bool, bytes: &[u8]) -> Result<(), Error> {
        let stored = self.ring.push(0, bytes);
        if stored.is_err() {
            self.dropping = true;
            let len = if first { bytes.len().min(HEAD) } else { 0 };
            let _ = self.ring.push(CUT, bytes.get(..len).unwrap_or_default());
        }
        stored
    }

    /// Consumer: whether there is half a packet. If its sender has been silent for `limit` ms, the
    /// receiving side is told to start afresh.
    pub(crate) fn watch(&mut self, now: u32, limit: u32) -> bool {
        let inside = self.inside.load(Ordering::Relaxed);
        if self.active.load(Ordering::Relaxed) {
            self.active.store(false, Ordering::Relaxed);
            self.seen_at = now;
        } else if inside && now.wrapping_sub(self.seen_at) >= limit {
            self.resync.store(true, Ordering::Relaxed);
            self.seen_at = now;
        }
        inside && !self.resync.load(Ordering::Relaxed)
    }

    /// Consumer: something was taken now, so that its sender is as silent as the server thinks.
    pub(crate) fn seen_now(&mut self, now: u32) {
        self.active.store(false, Ordering::Relaxed);
        self.seen_at = now;
    }

    /// Whether a chunk is a whole datagram.
    pub(crate) fn is_datagram(&self) -> bool {
        self.config.kind == SMPKIT_LINK_DATAGRAM
    }

    /// Send the next piece of a reply of which `sent` bytes are out. Changes `sent`: 0 when there
    /// is nothing left.
    pub(crate) fn transmit(&self, reply: &[u8], sent: &mut usize) -> Result<(), Error> {
        if let Some(codec) = self.codec {
            return (codec.transmit)(self, reply, sent);
        }
        let from = reply.len().min(*sent);
        let len = (reply.len() - from).min(self.config.mtu as usize);
        // SAFETY: both were limited to what there is.
        self.put(unsafe { reply.get_unchecked(from..from + len) })?;
        let next = from + len;
        *sent = if next < reply.len() { next } else { 0 };
        Ok(())
    }

    pub(crate) fn put(&self, bytes: &[u8]) -> Result<(), Error> {
        // SAFETY: a configuration without tx was not usable; the callback reads exactly len bytes.
        Error::check(unsafe {
            let tx = self.config.tx.unwrap_unchecked();
            tx(self.config.ctx, bytes.as_ptr().cast(), bytes.len() as u32)
        })
    }

    /// Security bits a writing request lacks now.
    pub(crate) fn lacking(&self) -> u32 {
        let required = self.config.required_security;
        let present = match self.config.security {
            // SAFETY: plain numbers.
            Some(security) => unsafe { security(self.config.ctx) },
            None => 0,
        };
        required & !present & !SMPKIT_SECURITY_OPEN
    }

    /// Fill in defaults, which depend on the kind.
    pub(crate) fn settle(&mut self) {
        let config = &mut self.config;
        let (mtu, security) = if config.kind == SMPKIT_LINK_BLE {
            (
                20,
                SMPKIT_SECURITY_ENCRYPTED | SMPKIT_SECURITY_AUTHENTICATED,
            )
        } else {
            (1472, 0)
        };
        if config.mtu == 0 {
            config.mtu = mtu;
        }
        if config.required_security == 0 {
            config.required_security = security;
        }
    }

    /// Largest packet that can arrive: a datagram has to fit whole.
    pub(crate) fn frame_limit(&self) -> u32 {
        if self.is_datagram() {
            self.config.mtu.min(self.ring.size() - 16)
        } else {
            u32::MAX
        }
    }
}

/// Refuse settings that cannot work.
pub(crate) fn is_usable(config: &smpkit_link_config) -> Result<(), Error> {
    if config.tx.is_none() {
        return Err(Error::NOSYS);
    }
    if config.ring.is_null() {
        return Err(Error::INVAL);
    }
    if config.ring_size < MIN {
        return Err(Error::NOMEM);
    }
    // 0 is the default.
    if config.mtu.wrapping_sub(1) < MTU_MIN - 1 {
        return Err(Error::INVAL);
    }
    Ok(())
}
