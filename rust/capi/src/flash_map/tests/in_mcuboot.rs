use super::super::mcuboot::*;
use super::*;

const BLANK: flash_sector = flash_sector {
    fs_off: 0xEE,
    fs_size: 0xEE,
};

#[test]
fn an_erase_must_lie_on_sector_borders() {
    let bench = Bench::pinetime();
    let fa = open(2);
    for (off, len) in [(1, 4096), (0, 1), (0, 4095), (2048, 4096)] {
        assert_eq!(wipe(fa, off, len), SYS_EINVAL);
    }
    assert_eq!(wipe(fa, 0x1000, 0x2000), 0);
    assert_eq!(erases(&bench, 1), [(0x41000, 4096), (0x42000, 4096)]);
    assert_eq!(wipe(fa, 0x1000, 0), 0);
    assert!(flash_area_erase_required(fa));
}

#[test]
fn sectors_have_offsets_in_the_area() {
    let _bench = Bench::pinetime();
    let mut list = vec![BLANK; 117];
    let mut count = 117;
    unsafe {
        assert_eq!(flash_area_get_sectors(2, &mut count, list.as_mut_ptr()), 0);
        assert_eq!(count, 116);
        assert_eq!(flash_sector_get_off(&list[0]), 0);
        assert_eq!(flash_sector_get_off(&list[115]), 0x73000);
        assert_eq!(flash_sector_get_size(&list[115]), 4096);
        assert_eq!(list[116].fs_off, BLANK.fs_off);
        count = 115;
        let code = flash_area_get_sectors(2, &mut count, list.as_mut_ptr());
        assert_eq!((code, count), (SYS_ENOMEM, 115));
        let code = flash_area_get_sectors(9, &mut count, list.as_mut_ptr());
        assert_eq!((code, count), (SYS_ENOENT, 115));
        assert_eq!(
            flash_area_get_sectors(2, null_mut(), list.as_mut_ptr()),
            SYS_EINVAL
        );
        assert_eq!(
            flash_area_get_sectors(2, &mut count, null_mut()),
            SYS_EINVAL
        );
        assert_eq!(flash_sector_get_off(null()), 0);
        assert_eq!(flash_sector_get_size(null()), 0);
    }
}

#[test]
fn one_sector_is_found_by_offset() {
    let _bench = Bench::pinetime();
    let ask = |id, off| unsafe {
        let mut sector = BLANK;
        let code = flash_area_get_sector(open(id), off, &mut sector);
        (code, sector.fs_off, sector.fs_size)
    };
    assert_eq!(ask(1, 0), (0, 0, 4096));
    assert_eq!(ask(2, 0x1FFF), (0, 0x1000, 4096));
    assert_eq!(ask(2, 0x73FFF), (0, 0x73000, 4096));
    assert_eq!(ask(2, 0x74000), (OUTSIDE, 0xEE, 0xEE));
    assert_eq!(ask(2, u32::MAX), (OUTSIDE, 0xEE, 0xEE));
    unsafe { assert_eq!(flash_area_get_sector(open(2), 0, null_mut()), SYS_EINVAL) };
}

#[test]
fn accessors_tell_the_fields() {
    let _bench = Bench::pinetime();
    let fa = open(2);
    unsafe {
        assert_eq!(
            (flash_area_get_id(fa), flash_area_get_device_id(fa)),
            (2, 1)
        );
        assert_eq!(
            (flash_area_get_off(fa), flash_area_get_size(fa)),
            (0x40000, 0x74000)
        );
        assert_eq!(
            (flash_area_get_id(null()), flash_area_get_size(null())),
            (255, 0)
        );
        assert_eq!(flash_area_erased_val(fa), 0xFF);
    }
}

#[test]
fn the_device_of_the_primary_has_a_base() {
    let bench = Bench::pinetime();
    let ask = |device| unsafe {
        let mut base = 0xEE;
        (flash_device_base(device, &mut base), base)
    };
    assert_eq!(ask(0), (0, 0));
    assert_eq!(ask(1), (SYS_ENOENT, 0xEE));
    assert_eq!(unsafe { flash_device_base(0, null_mut()) }, SYS_EINVAL);
    drop(bench);
    let _bench = Bench::with(Chips::pinetime(), |config| config.exec_base = 0x1000_8000);
    assert_eq!(ask(0), (0, 0x1000_0000));
}

// failure case 39
#[test]
fn case_39_slot_numbers_in_this_dialect() {
    for (slot, id) in [(0, 1), (1, 2), (2, -1), (-1, -1)] {
        assert_eq!(flash_area_id_from_image_slot(slot), id);
    }
    for (slot, id) in [(0, 1), (1, 2), (2, 3), (3, -1), (-1, -1)] {
        assert_eq!(flash_area_id_from_multi_image_slot(0, slot), id);
        assert_eq!(flash_area_id_from_multi_image_slot(1, slot), -1);
    }
    for (id, slot) in [(1, 0), (2, 1), (3, 2), (0, -1), (4, -1), (-1, -1)] {
        assert_eq!(flash_area_id_to_multi_image_slot(0, id), slot);
        assert_eq!(flash_area_id_to_multi_image_slot(1, id), -1);
    }
}
