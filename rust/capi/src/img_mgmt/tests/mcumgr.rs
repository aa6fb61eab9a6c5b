//! mcumgr's image handlers as far as they decide anything: who calls what in which order.

use super::super::layout::{img_mgmt_state, img_mgmt_upload_action, img_mgmt_upload_req};
use super::super::slot::*;
use super::super::state::*;
use super::super::*;
use smpkit_core::image::Header;
use std::ptr::{addr_of_mut, null, null_mut};

/// With lazy erase mcumgr's own struct is longer; the front is the same.
#[no_mangle]
static mut g_img_mgmt_state: img_mgmt_state = START;

/// What C's start-up code leaves.
const START: img_mgmt_state = img_mgmt_state {
    area_id: 0,
    off: 0,
    size: 0,
    data_sha_len: 0,
    data_sha: [0; 32],
};

pub(super) fn g() -> &'static mut img_mgmt_state {
    // SAFETY: tests hold a lock.
    unsafe { &mut *addr_of_mut!(g_img_mgmt_state) }
}

/// A decoded request; fields that are absent as mcumgr's decoder leaves them.
#[derive(Clone)]
pub(super) struct Chunk<'a> {
    pub(super) image: u64,
    pub(super) off: u64,
    pub(super) size: u64,
    pub(super) data: &'a [u8],
    pub(super) sha: &'a [u8],
    pub(super) upgrade: bool,
}

impl Default for Chunk<'_> {
    fn default() -> Self {
        Chunk {
            image: 0,
            off: u64::MAX,
            size: u64::MAX,
            data: &[],
            sha: &[],
            upgrade: false,
        }
    }
}

/// The library, built with one chunk size and one kind of erase.
pub(super) struct Mcumgr<const C: usize> {
    pub(super) lazy: bool,
}

impl<const C: usize> Mcumgr<C> {
    /// A fresh start of the device.
    pub(super) fn start(lazy: bool) -> Self {
        *g() = START;
        set_prepared(false);
        let size = size_of::<img_mgmt_upload_req<C>>() as u32;
        assert_eq!(smpkit_img_mgmt_init(C as u32, size), 0);
        Mcumgr { lazy }
    }

    pub(super) fn request(chunk: &Chunk) -> img_mgmt_upload_req<C> {
        let mut request = img_mgmt_upload_req {
            image: chunk.image,
            off: chunk.off,
            size: chunk.size,
            data_len: chunk.data.len(),
            data_sha_len: chunk.sha.len(),
            img_data: [0x5A; C],
            data_sha: [0; 32],
            upgrade: chunk.upgrade,
        };
        request.img_data[..chunk.data.len()].copy_from_slice(chunk.data);
        let sha = chunk.sha.len().min(32);
        request.data_sha[..sha].copy_from_slice(&chunk.sha[..sha]);
        request
    }

    pub(super) fn inspect(chunk: &Chunk) -> Result<img_mgmt_upload_action, c_int> {
        let request = Self::request(chunk);
        let mut action = img_mgmt_upload_action {
            size: 0xEE,
            write_bytes: 0xEE,
            area_id: 0xEE,
            proceed: false,
            erase: true,
        };
        let mut text = null();
        let from: *const img_mgmt_upload_req<C> = &request;
        let code =
            unsafe { inspect::img_mgmt_impl_upload_inspect(from.cast(), &mut action, &mut text) };
        assert_eq!(text.is_null(), code == 0);
        assert!(code == 0 || action.size == 0xEE, "written only on success");
        if code == 0 {
            Ok(action)
        } else {
            Err(code)
        }
    }

    /// The upload handler: the offset for the reply, or a code.
    pub(super) fn upload(&self, chunk: &Chunk) -> Result<u32, c_int> {
        let action = Self::inspect(chunk)?;
        if !action.proceed {
            return Ok(g().off);
        }
        let g = g();
        g.area_id = action.area_id;
        g.size = action.size as u32;
        if chunk.off == 0 {
            g.off = 0;
            g.data_sha_len = chunk.sha.len() as u8;
            g.data_sha = [0; 32];
            g.data_sha[..chunk.sha.len()].copy_from_slice(chunk.sha);
            if !self.lazy && action.erase {
                check(img_mgmt_impl_erase_image_data(0, chunk.size as u32))?;
            }
        }
        if !chunk.data.is_empty() {
            let (off, n) = (chunk.off as u32, action.write_bytes as u32);
            if self.lazy {
                check(img_mgmt_impl_erase_if_needed(off, n))?;
            }
            let last = g.off + chunk.data.len() as u32 == g.size;
            let from = chunk.data.as_ptr().cast();
            check(unsafe { img_mgmt_impl_write_image_data(off, from, n, last) })?;
            g.off += n;
            if g.off == g.size {
                g.area_id = -1;
            }
        }
        Ok(g.off)
    }

    /// A client that sends a file from where the server wants it, `step` bytes at a time.
    pub(super) fn send(&self, file: &[u8], sha: &[u8], step: usize) -> Result<(), c_int> {
        self.send_until(file, sha, step, file.len() as u32)
    }

    pub(super) fn send_until(
        &self,
        file: &[u8],
        sha: &[u8],
        step: usize,
        until: u32,
    ) -> Result<(), c_int> {
        let mut off = 0;
        let mut standing = 0;
        while off < until {
            let at = off as usize;
            let data = &file[at..file.len().min(at + step)];
            let size = if off == 0 {
                file.len() as u64
            } else {
                u64::MAX
            };
            let chunk = Chunk {
                off: off.into(),
                size,
                data,
                sha,
                ..Chunk::default()
            };
            let next = self.upload(&chunk)?;
            standing = if next == off { standing + 1 } else { 0 };
            assert!(standing < 2, "no progress at {off}");
            off = next;
        }
        Ok(())
    }

    /// The walk over TLVs, with the step of 4 instead of 4 + 32 behind a hash.
    pub(super) fn read_info(slot: c_int) -> Result<[u8; 32], c_int> {
        fn read<const N: usize>(slot: c_int, at: u32) -> Result<[u8; N], c_int> {
            let mut bytes = [0; N];
            let to = bytes.as_mut_ptr().cast();
            check(unsafe { img_mgmt_impl_read(slot, at, to, N as u32) })?;
            Ok(bytes)
        }
        let header = Header::parse(&read::<32>(slot, 0)?).ok_or(1)?;
        let mut at = u32::from(header.hdr_size).wrapping_add(header.img_size);
        let [m0, m1, t0, t1] = read(slot, at)?;
        if [m0, m1] != [0x07, 0x69] {
            return Err(1);
        }
        at += 4;
        let end = at + u32::from(u16::from_le_bytes([t0, t1]));
        let mut hash = None;
        while at + 4 <= end {
            let [kind, _, l0, l1] = read(slot, at)?;
            let len = u16::from_le_bytes([l0, l1]);
            if (kind, len) == (0xFF, 0xFFFF) {
                return Err(1);
            }
            at += 4;
            if (kind, len) == (0x10, 32) {
                if hash.is_some() {
                    return Err(1);
                }
                hash = Some(read(slot, at)?);
            } else {
                at += u32::from(len);
            }
        }
        hash.ok_or(1)
    }

    /// Pending 1, confirmed 2, active 4, permanent 8.
    pub(super) fn flags(slot: c_int) -> u8 {
        let of = [[6, 0], [6, 1], [6, 9], [4, 2]];
        of[img_mgmt_impl_swap_type(slot) as usize][slot as usize]
    }

    pub(super) fn erase(&self) -> c_int {
        if Self::read_info(1).is_ok() && Self::flags(1) != 0 {
            return MGMT_ERR_EBADSTATE;
        }
        img_mgmt_impl_erase_slot()
    }

    /// "test" and "confirm" with a hash, "confirm" without.
    pub(super) fn set_state(&self, hash: Option<&[u8; 32]>, confirm: bool) -> c_int {
        let Some(hash) = hash else {
            return if confirm {
                Self::confirm()
            } else {
                MGMT_ERR_EINVAL
            };
        };
        let found = [0, 1]
            .into_iter()
            .find(|slot| Self::read_info(*slot) == Ok(*hash));
        match found {
            None => MGMT_ERR_EINVAL,
            Some(0) if confirm => Self::confirm(),
            Some(slot) => Self::pending(slot, confirm),
        }
    }

    fn pending(slot: c_int, permanent: bool) -> c_int {
        if Self::flags(slot) & 2 != 0 && slot != 0 {
            return MGMT_ERR_EBADSTATE;
        }
        let rc = match img_mgmt_impl_write_pending(slot, permanent) {
            0 => 0,
            _ => MGMT_ERR_EUNKNOWN,
        };
        if permanent {
            return img_mgmt_impl_log_confirm(rc, null());
        }
        img_mgmt_impl_log_pending(rc, null());
        rc
    }

    fn confirm() -> c_int {
        if (Self::flags(0) | Self::flags(1)) & 1 != 0 {
            return MGMT_ERR_EBADSTATE;
        }
        let rc = match img_mgmt_impl_write_confirmed() {
            0 => 0,
            _ => MGMT_ERR_EUNKNOWN,
        };
        img_mgmt_impl_log_confirm(rc, null())
    }
}

/// Whatever fails below a handler reaches the client as "unknown".
fn check(code: c_int) -> Result<(), c_int> {
    if code == 0 {
        Ok(())
    } else {
        Err(MGMT_ERR_EUNKNOWN)
    }
}

#[test]
fn null_is_refused() {
    let _bench = crate::compat::bench::Bench::pinetime();
    let _lib = Mcumgr::<512>::start(false);
    let request = Mcumgr::<512>::request(&Chunk::default());
    let from: *const img_mgmt_upload_req<512> = &request;
    unsafe {
        let mut action = Mcumgr::<512>::inspect(&Chunk {
            off: 1,
            ..Chunk::default()
        })
        .unwrap();
        let mut text = null();
        use inspect::img_mgmt_impl_upload_inspect as inspect;
        assert_eq!(inspect(null(), &mut action, &mut text), MGMT_ERR_EINVAL);
        assert_eq!(inspect(from.cast(), null_mut(), &mut text), MGMT_ERR_EINVAL);
        assert_eq!(
            inspect(from.cast(), &mut action, null_mut()),
            MGMT_ERR_EINVAL
        );
        assert_eq!(
            img_mgmt_impl_write_image_data(0, null(), 4, false),
            MGMT_ERR_EINVAL
        );
        assert_eq!(img_mgmt_impl_write_image_data(0, null(), 0, false), 0);
        assert_eq!(img_mgmt_impl_read(1, 0, null_mut(), 4), MGMT_ERR_EINVAL);
        assert_eq!(img_mgmt_impl_read(1, 0, null_mut(), 0), 0);
        assert_eq!(img_mgmt_impl_erased_val(1, null_mut()), MGMT_ERR_EINVAL);
        let mut value = 0xEE;
        assert_eq!(img_mgmt_impl_erased_val(2, &mut value), MGMT_ERR_EINVAL);
        assert_eq!((img_mgmt_impl_erased_val(1, &mut value), value), (0, 0xFF));
    }
}
