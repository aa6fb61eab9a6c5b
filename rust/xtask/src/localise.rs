//! Make symbols of an ELF object local, in place.
//!
//! ELF wants local symbols before global ones, so the symbol table is sorted anew, and every index
//! into it (relocations, section groups) follows. Nothing in the file moves.

use anyhow::{bail, Context, Result};
use object::elf::{
    SHN_UNDEF, SHT_GROUP, SHT_PROGBITS, SHT_REL, SHT_RELA, SHT_SYMTAB, SHT_SYMTAB_SHNDX, STB_LOCAL,
};
use std::ops::Range;

/// Section of symbol numbers that LLVM adds.
const SHT_LLVM_ADDRSIG: u32 = 0x6FFF_4C03;

/// A little-endian ELF file and where its fields are.
struct Elf {
    data: Vec<u8>,
    wide: bool,
}

struct Section {
    header: usize,
    kind: u32,
    link: u32,
    range: Range<usize>,
    entry: usize,
}

/// Make every defined global symbol local for which `hide` answers true.
pub fn localise(object: &[u8], hide: impl Fn(&str) -> bool) -> Result<Vec<u8>> {
    let mut elf = Elf::new(object)?;
    let sections = elf.sections()?;
    let find = |s: &Section| s.kind == SHT_SYMTAB.0;
    let index = sections.iter().position(find).context("no symbol table")?;
    let table = &sections[index];
    elf.hide(table, &sections[table.link as usize], hide)?;
    let order = elf.sorted(table)?;
    elf.permute(table, &order)?;
    for section in sections.iter().filter(|s| s.link as usize == index) {
        elf.follow(section, &order)?;
    }
    Ok(elf.data)
}

impl Elf {
    fn new(object: &[u8]) -> Result<Elf> {
        match object.get(..6) {
            Some([0x7F, b'E', b'L', b'F', class @ (1 | 2), 1]) => Ok(Elf {
                data: object.to_vec(),
                wide: *class == 2,
            }),
            _ => bail!("not a little-endian ELF object"),
        }
    }

    fn get(&self, at: usize, len: usize) -> Result<u64> {
        let bytes = self.data.get(at..at + len).context("cut short")?;
        Ok(bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b)))
    }

    fn put(&mut self, at: usize, len: usize, value: u64) -> Result<()> {
        let bytes = self.data.get_mut(at..at + len).context("cut short")?;
        bytes.copy_from_slice(&value.to_le_bytes()[..len]);
        Ok(())
    }

    /// The field at `narrow` of a 32-bit or at `wide` of a 64-bit structure, one word long.
    fn word(&self, base: usize, narrow: usize, wide: usize) -> Result<usize> {
        let value = if self.wide {
            self.get(base + wide, 8)?
        } else {
            self.get(base + narrow, 4)?
        };
        Ok(value as usize)
    }

    fn sections(&self) -> Result<Vec<Section>> {
        let table = self.word(0, 0x20, 0x28)?;
        let at = if self.wide { 0x3A } else { 0x2E };
        let size = self.get(at, 2)? as usize;
        let count = self.get(at + 2, 2)? as usize;
        if count == 0 {
            bail!("more sections than this reader knows");
        }
        (0..count).map(|i| self.section(table + i * size)).collect()
    }

    fn section(&self, header: usize) -> Result<Section> {
        let start = self.word(header, 0x10, 0x18)?;
        let size = self.word(header, 0x14, 0x20)?;
        let link = header + if self.wide { 0x28 } else { 0x18 };
        Ok(Section {
            header,
            kind: self.get(header + 4, 4)? as u32,
            link: self.get(link, 4)? as u32,
            range: start..start + size,
            entry: self.word(header, 0x24, 0x38)?,
        })
    }

    fn info_at(&self, section: &Section) -> usize {
        section.header + if self.wide { 0x2C } else { 0x1C }
    }

    fn hide(
        &mut self,
        table: &Section,
        strings: &Section,
        hide: impl Fn(&str) -> bool,
    ) -> Result<()> {
        let (info, index) = if self.wide { (4, 6) } else { (12, 14) };
        for at in table.range.clone().step_by(table.entry) {
            let old = self.get(at + info, 1)?;
            let defined = self.get(at + index, 2)? as u16 != SHN_UNDEF.0;
            let name = self.name(strings, self.get(at, 4)? as usize)?;
            if defined && old >> 4 != u64::from(STB_LOCAL.0) && hide(&name) {
                self.put(at + info, 1, old & 0xF)?;
            }
        }
        Ok(())
    }

    fn name(&self, strings: &Section, at: usize) -> Result<String> {
        let bytes = self.data.get(strings.range.clone()).context("cut short")?;
        let bytes = bytes.get(at..).context("name outside its table")?;
        let name = bytes.split(|b| *b == 0).next().unwrap_or_default();
        Ok(String::from_utf8_lossy(name).into_owned())
    }

    /// Old index of each symbol, in the new order.
    fn sorted(&self, table: &Section) -> Result<Vec<usize>> {
        let info = if self.wide { 4 } else { 12 };
        let (mut local, mut global) = (Vec::new(), Vec::new());
        for (i, at) in table.range.clone().step_by(table.entry).enumerate() {
            if self.get(at + info, 1)? >> 4 == u64::from(STB_LOCAL.0) {
                local.push(i);
            } else {
                global.push(i);
            }
        }
        local.append(&mut global);
        Ok(local)
    }

    fn permute(&mut self, table: &Section, order: &[usize]) -> Result<()> {
        let info = if self.wide { 4 } else { 12 };
        let old = self
            .data
            .get(table.range.clone())
            .context("cut short")?
            .to_vec();
        let mut locals = 0;
        for (new, from) in order.iter().enumerate() {
            let entry = &old[from * table.entry..][..table.entry];
            locals += u64::from(entry[info] >> 4 == STB_LOCAL.0);
            self.data[table.range.start + new * table.entry..][..table.entry]
                .copy_from_slice(entry);
        }
        let at = self.info_at(table);
        self.put(at, 4, locals)
    }

    /// Renumber the symbols a section speaks of.
    fn follow(&mut self, section: &Section, order: &[usize]) -> Result<()> {
        let mut new = vec![0u64; order.len()];
        for (to, from) in order.iter().enumerate() {
            new[*from] = to as u64;
        }
        let of = |old: u64| new.get(old as usize).copied().context("no such symbol");
        if section.kind == SHT_REL.0 || section.kind == SHT_RELA.0 {
            for at in section.range.clone().step_by(section.entry) {
                self.relocation(at, &of)?;
            }
        } else if section.kind == SHT_GROUP.0 {
            let at = self.info_at(section);
            self.put(at, 4, of(self.get(at, 4)?)?)?;
        } else if section.kind == SHT_LLVM_ADDRSIG {
            // Symbol numbers for lld's identical code folding only: let linkers ignore them.
            self.put(section.header + 4, 4, u64::from(SHT_PROGBITS.0))?;
        } else if section.kind == SHT_SYMTAB_SHNDX.0 {
            bail!("more sections than this reader knows");
        }
        Ok(())
    }

    fn relocation(&mut self, at: usize, of: &impl Fn(u64) -> Result<u64>) -> Result<()> {
        let (at, len, bits) = if self.wide {
            (at + 8, 8, 32)
        } else {
            (at + 4, 4, 8)
        };
        let info = self.get(at, len)?;
        let symbol = of(info >> bits)?;
        self.put(at, len, symbol << bits | info & ((1 << bits) - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object::{Object, ObjectSymbol};

    /// The test program itself is an ELF file with plenty of symbols.
    fn own_object() -> Vec<u8> {
        std::fs::read(std::env::current_exe().unwrap()).unwrap()
    }

    #[test]
    fn hidden_symbols_become_local_and_others_stay() {
        let out = localise(&own_object(), |name| name != "main").unwrap();
        let file = object::File::parse(&*out).unwrap();
        let defined = |s: &object::Symbol<'_, '_>| s.is_global() && !s.is_undefined();
        let left: Vec<_> = file
            .symbols()
            .filter(defined)
            .map(|s| s.name().unwrap().to_string())
            .collect();
        assert_eq!(left, ["main"]);
    }

    #[test]
    fn what_is_no_elf_object_is_refused() {
        assert!(localise(b"!<arch>\n", |_| true).is_err());
        assert!(localise(b"\x7FELF\x02\x01", |_| true).is_err());
    }
}
