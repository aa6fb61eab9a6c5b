//! Port, areas and slots behind the compatibility symbols. Their callers expect work to be done on
//! return, so here, and only here, the kit blocks: step by step, with the watchdog fed before each.
// A build with some of the groups uses some of this.
#![cfg_attr(
    not(all(feature = "flash-map", feature = "boot-api", feature = "img-mgmt")),
    allow(dead_code)
)]

use crate::api::{smpkit_config, SMPKIT_CHECK_VECTORS};
use crate::check;
use crate::host::Devices;
use crate::port::smpkit_port;
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};
use smpkit_core::flash::{Area, EraseSize, Flash, Geometry, Result};
use smpkit_core::image::{is_blank, Slots};
use smpkit_core::Error;

/// Longest transfer of one read call.
const READ_MOST: usize = 4096;
/// A port that answers "again" for ever is stopped by its clock, or by this if that stands still.
const ERASE_CALLS: u32 = 1 << 20;
/// Time an erase has on top of twice its stated maximum, in ms.
const ERASE_GRACE: u32 = 3000;

/// A checked port with its areas.
pub(crate) struct Board {
    devices: Devices,
    /// All areas.
    #[cfg_attr(
        not(any(feature = "flash-map", feature = "boot-api")),
        allow(dead_code)
    )]
    pub(crate) areas: &'static [Area],
    /// Primary and secondary.
    pub(crate) slots: Slots,
    /// Address of the primary slot, if images are to be checked against it.
    pub(crate) exec_base: Option<u32>,
    /// Address of the primary slot, 0 if not told.
    pub(crate) base: u32,
    page: u32,
    erase_ms: u32,
}

/// Not an Option: that would be no zeroes, and so cost flash for its initial value.
struct Store {
    ready: AtomicBool,
    board: UnsafeCell<MaybeUninit<Board>>,
}

// SAFETY: written by init alone, which may not run beside any other call of these groups; that is
// stated where C sees it. Everything else only reads.
unsafe impl Sync for Store {}

static STORE: Store = Store {
    ready: AtomicBool::new(false),
    board: UnsafeCell::new(MaybeUninit::uninit()),
};

impl Board {
    /// Check and keep.
    ///
    /// # Safety
    /// No other call of the compatibility symbols is running. Both structs are NULL or begin with
    /// their size; the port, its devices and the area table stay valid.
    pub(crate) unsafe fn init(
        port: *const smpkit_port,
        config: *const smpkit_config,
    ) -> Result<()> {
        // SAFETY: the caller's promise, for these four.
        let (_, config) = unsafe { (check::port(port)?, check::checked(config)?) };
        let devices = unsafe { Devices::new(port) };
        let areas = unsafe { check::areas(config) };
        let slots = check::slots(&devices, areas, config)?;
        let page = match config.page_size {
            0 => 256,
            page @ 256..=4096 if page.is_power_of_two() => page,
            _ => return Err(Error::INVAL),
        };
        let checks_vectors = config.flags & SMPKIT_CHECK_VECTORS != 0;
        let board = Board {
            devices,
            areas,
            slots,
            exec_base: checks_vectors.then_some(config.exec_base),
            base: config.exec_base,
            page,
            erase_ms: match config.erase_step_ms {
                0 => 500,
                ms => ms,
            },
        };
        // SAFETY: nobody reads meanwhile.
        unsafe { (*STORE.board.get()).write(board) };
        STORE.ready.store(true, Ordering::Release);
        Ok(())
    }

    /// What init kept, if it was called.
    pub(crate) fn get() -> Option<&'static Board> {
        let ready = STORE.ready.load(Ordering::Acquire);
        // SAFETY: init has written it, and nobody writes beside this.
        ready.then(|| unsafe { (*STORE.board.get()).assume_init_ref() })
    }

    /// Forget it: for tests, each of which brings its own board.
    #[cfg(test)]
    pub(crate) fn forget() {
        STORE.ready.store(false, Ordering::Release);
    }

    /// The checked port.
    pub(crate) fn port(&self) -> &smpkit_port {
        self.devices.port()
    }

    fn feed(&self) {
        let port = self.port();
        if let Some(feed) = port.watchdog_feed {
            // SAFETY: a callback of the port with its own context.
            unsafe { feed(port.ctx) };
        }
    }

    fn now(&self) -> u32 {
        let port = self.port();
        // SAFETY: as for feed.
        port.now_ms.map_or(0, |now| unsafe { now(port.ctx) })
    }

    /// Areas that callers made themselves may name any device and any range.
    pub(crate) fn check_range(&self, device: u8, offset: u32, len: usize) -> Result<Geometry> {
        let geometry = self.devices.geometry(device).ok_or(Error::NOENT)?;
        let len = u32::try_from(len).map_err(|_| Error::RANGE)?;
        match offset.checked_add(len) {
            Some(end) if end <= geometry.size => Ok(geometry),
            _ => Err(Error::RANGE),
        }
    }

    /// Erase the bytes `from..to` of an area, in the largest units that are fast enough.
    /// With `keep_blank`, what is blank already is not erased again.
    pub(crate) fn erase_range(
        &self,
        area: &Area,
        from: u32,
        to: u32,
        keep_blank: bool,
    ) -> Result<()> {
        let mut flash = self;
        area.locate(from, to.checked_sub(from).ok_or(Error::RANGE)?)?;
        let geometry = area.geometry(&flash)?;
        let mut scratch = [0; 64];
        let mut at = from;
        while at < to {
            let start = area.offset.wrapping_add(at);
            let unit = self.unit_at(&geometry, start, to.wrapping_sub(at))?;
            if !(keep_blank && is_blank(&mut flash, area, at, unit, &mut scratch)?) {
                area.erase(&mut flash, at, unit)?;
            }
            at = at.wrapping_add(unit);
        }
        Ok(())
    }

    fn unit_at(&self, geometry: &Geometry, start: u32, room: u32) -> Result<u32> {
        let sector = geometry.sector();
        let fits = |erase: &&EraseSize| {
            erase.size.is_power_of_two()
                && erase.size <= room
                && start & erase.size.wrapping_sub(1) == 0
                && (erase.size == sector || erase.max_ms <= self.erase_ms)
        };
        let best = geometry.erase.iter().rev().find(fits);
        best.map(|erase| erase.size).ok_or(Error::INVAL)
    }
}

/// Every operation that one callback of the port may do, with the watchdog fed before each.
impl Flash for &Board {
    fn geometry(&self, device: u8) -> Option<Geometry> {
        self.devices.geometry(device)
    }

    fn read(&mut self, device: u8, offset: u32, dst: &mut [u8]) -> Result<()> {
        self.check_range(device, offset, dst.len())?;
        let mut devices = self.devices;
        let mut at = offset;
        for piece in dst.chunks_mut(READ_MOST) {
            self.feed();
            devices.read(device, at, piece)?;
            at = at.wrapping_add(piece.len() as u32);
        }
        Ok(())
    }

    /// Cut at the borders of pages, which a chip does not cross in one program operation.
    fn write(&mut self, device: u8, offset: u32, src: &[u8]) -> Result<()> {
        let geometry = self.check_range(device, offset, src.len())?;
        let unit = geometry.write_unit.wrapping_sub(1);
        if (offset | src.len() as u32) & unit != 0 {
            return Err(Error::INVAL);
        }
        let mut devices = self.devices;
        let (mut at, mut rest) = (offset, src);
        while !rest.is_empty() {
            let room = self.page.wrapping_sub(at & self.page.wrapping_sub(1));
            let wanted = rest.len().min(room as usize);
            let (now, later) = rest.split_at_checked(wanted).ok_or(Error::INVAL)?;
            self.feed();
            devices.write(device, at, now)?;
            at = at.wrapping_add(wanted as u32);
            rest = later;
        }
        Ok(())
    }

    /// Until it is done: the port may answer "again" for as long as the erase may take.
    fn erase(&mut self, device: u8, offset: u32, len: u32) -> Result<()> {
        let geometry = self.check_range(device, offset, len as usize)?;
        let known = geometry.erase.iter().find(|erase| erase.size == len);
        let stated = known.map_or(0, |erase| erase.max_ms);
        let most = stated.saturating_mul(2).saturating_add(ERASE_GRACE);
        let mut devices = self.devices;
        let start = self.now();
        for _ in 0..ERASE_CALLS {
            self.feed();
            match devices.erase(device, offset, len) {
                Err(Error::AGAIN) if self.now().wrapping_sub(start) <= most => {}
                Err(Error::AGAIN) => break,
                result => return result,
            }
        }
        Err(Error::TIMEOUT)
    }
}
