use super::super::mynewt::*;
use super::*;
use std::mem::MaybeUninit;

const BLANK: flash_area = flash_area {
    fa_id: 0xEE,
    fa_device_id: 0xEE,
    pad16: 0xEEEE,
    fa_off: 0xEEEE_EEEE,
    fa_size: 0xEEEE_EEEE,
};

#[test]
fn an_erase_takes_every_sector_it_touches() {
    let bench = Bench::pinetime();
    let fa = open(2);
    assert_eq!(wipe(fa, 0x1FFF, 2), 0);
    assert_eq!(erases(&bench, 1), [(0x41000, 4096), (0x42000, 4096)]);
    assert_eq!(wipe(fa, 0x5001, 0), 0);
    assert_eq!(erases(&bench, 1).len(), 2);
    // But none that is partly another area's.
    let own = flash_area {
        fa_id: 9,
        fa_device_id: 1,
        pad16: 0,
        fa_off: 0x100,
        fa_size: 0x2000,
    };
    assert_eq!(wipe(&own, 0, 1), SYS_EINVAL);
    assert_eq!(wipe(&own, 0x1F00, 1), SYS_EINVAL);
    assert_eq!(wipe(&own, 0xF00, 0x1000), 0);
    assert_eq!(erases(&bench, 1).last(), Some(&(0x1000, 4096)));
    bench.assert_clean();
}

// failure case 37
#[test]
fn case_37_getnext_sector_walks_device_sectors() {
    let bench = Bench::pinetime();
    for (id, first, last, device) in [(1, 8, 123, 0), (2, 64, 179, 1), (3, 124, 124, 0)] {
        let mut sector = -1;
        let mut ret = BLANK;
        for number in first..=last {
            let code = unsafe { flash_area_getnext_sector(id, &mut sector, &mut ret) };
            assert_eq!((code, sector), (0, number));
            assert_eq!((ret.fa_id, ret.fa_device_id), (id as u8, device));
            assert_eq!((ret.fa_off, ret.fa_size), (number as u32 * 4096, 4096));
        }
        ret = BLANK;
        let code = unsafe { flash_area_getnext_sector(id, &mut sector, &mut ret) };
        assert_eq!((code, sector, ret.fa_off), (SYS_ENOENT, last, BLANK.fa_off));
    }
    let call = |id, mut at: c_int, null_ret: bool| unsafe {
        let mut ret = BLANK;
        let to = if null_ret { null_mut() } else { &mut ret };
        let code = flash_area_getnext_sector(id, &mut at, to);
        (code, at)
    };
    assert_eq!(call(1, -2, false), (SYS_EINVAL, -2));
    assert_eq!(call(1, c_int::MIN, false), (SYS_EINVAL, c_int::MIN));
    assert_eq!(call(1, -1, true), (SYS_EINVAL, -1));
    assert_eq!(call(99, -1, false), (SYS_ENOENT, -1));
    assert_eq!(call(-1, -1, false), (SYS_ENOENT, -1));
    assert_eq!(call(258, -1, false), (SYS_ENOENT, -1));
    assert_eq!(call(1, c_int::MAX, false), (SYS_ENOENT, c_int::MAX));
    assert_eq!(call(1, 50, false), (0, 51));
    let mut ret = BLANK;
    unsafe {
        let code = flash_area_getnext_sector(1, null_mut(), &mut ret);
        assert_eq!(code, SYS_EINVAL);
        // A sector is an area that can be erased.
        let mut sector = 63;
        assert_eq!(flash_area_getnext_sector(2, &mut sector, &mut ret), 0);
        assert_eq!(flash_area_erase(&ret, 0, ret.fa_size), 0);
    }
    assert_eq!(erases(&bench, 1), [(0x40000, 4096)]);
}

#[test]
fn sectors_and_ranges_are_counted_and_listed() {
    let _bench = Bench::pinetime();
    let mut count = 7;
    unsafe {
        assert_eq!(flash_area_to_sectors(2, &mut count, null_mut()), 0);
        assert_eq!(count, 116);
        let mut list = vec![BLANK; 117];
        assert_eq!(flash_area_to_sectors(2, &mut count, list.as_mut_ptr()), 0);
        assert_eq!((list[0].fa_off, list[0].fa_size), (0x40000, 4096));
        assert_eq!((list[115].fa_off, list[115].fa_device_id), (0xB3000, 1));
        assert_eq!(list[116].fa_off, BLANK.fa_off);
        count = 7;
        assert_eq!(
            flash_area_to_sectors(77, &mut count, null_mut()),
            SYS_ENOENT
        );
        assert_eq!(flash_area_to_sectors(2, null_mut(), null_mut()), SYS_EINVAL);
        assert_eq!(count, 7);

        assert_eq!(flash_area_to_sector_ranges(2, &mut count, null_mut()), 0);
        assert_eq!(count, 1);
        let mut range = MaybeUninit::<flash_sector_range>::zeroed().assume_init();
        assert_eq!(flash_area_to_sector_ranges(1, &mut count, &mut range), 0);
        assert_eq!(
            (range.fsr_flash_area.fa_off, range.fsr_flash_area.fa_size),
            (0x8000, 0x74000)
        );
        assert_eq!((range.fsr_range_start, range.fsr_first_sector), (0, 0));
        assert_eq!((range.fsr_sector_count, range.fsr_sector_size), (116, 4096));
        assert_eq!(range.fsr_align, 1);
        assert_eq!(
            flash_area_to_sector_ranges(1, null_mut(), null_mut()),
            SYS_EINVAL
        );
    }
}

// failure case 39
#[test]
fn case_39_slot_numbers_in_this_dialect() {
    for (slot, id) in [(0, 1), (1, 2), (2, 255), (-1, 255)] {
        assert_eq!(flash_area_id_from_image_slot(slot), id);
    }
    for (id, slot) in [(1, 0), (2, 1), (3, -1), (0, -1), (-1, -1)] {
        assert_eq!(flash_area_id_to_image_slot(id), slot);
    }
    for (slot, id) in [(0, 1), (1, 2), (2, 3), (3, 255), (-1, 255)] {
        assert_eq!(flash_area_id_from_multi_image_slot(0, slot), id);
        assert_eq!(flash_area_id_from_multi_image_slot(1, slot), 255);
    }
    for (id, slot) in [(1, 0), (2, 1), (3, 2), (0, 255), (4, 255), (-1, 255)] {
        assert_eq!(flash_area_id_to_multi_image_slot(0, id), slot);
        assert_eq!(flash_area_id_to_multi_image_slot(1, id), 255);
    }
    let _bench = Bench::pinetime();
    assert_eq!(unsafe { flash_area_erased_val(open(2)) }, 0xFF);
}

#[test]
fn flash_map_is_the_configured_table() {
    let bench = Bench::cold(Chips::pinetime());
    flash_map_init();
    let config = Bench::config();
    assert_eq!(bench.start_with(bench.port(), &config), 0);
    flash_map_init();
    let (map, entries) = unsafe { (flash_map, flash_map_entries) };
    assert_eq!(entries, 6);
    let ids: Vec<u8> = (0..6).map(|i| unsafe { (*map.add(i)).fa_id }).collect();
    assert_eq!(ids, [0, 16, 1, 2, 3, 17]);
}
