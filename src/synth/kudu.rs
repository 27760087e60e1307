//! A zip as Kudu's: written front to back by .NET's `ZipArchive` to a stream that cannot seek. Sizes are behind the data (bit 3) and in the
//! directory, in Zip64 where they need it; Deflate, the fastest. It never has more than a chunk of the entry in memory.
//!
//! Structures: .ZIP File Format Specification (APPNOTE.TXT) 4.3.7, 4.3.9, 4.3.12, 4.3.14 to 4.3.16, 4.5.3.

use miniz_oxide::deflate::core::{
    CompressorOxide, TDEFLFlush, TDEFLStatus, compress, create_comp_flags_from_zip_params,
};
use std::io::{self, Write};

const IN_ZIP64: u64 = u32::MAX as u64;

/// A zip that is being written.
pub struct KuduZip<W> {
    out: W,
    at: u64,
    entries: Vec<Entry>,
    open: Option<Open>,
}

struct Entry {
    name: String,
    header: u64,
    size: u64,
    packed: u64,
    checksum: u32,
}

/// The entry that is being written.
struct Open {
    name: String,
    header: u64,
    start: u64,
    size: u64,
    checksum: crc32fast::Hasher,
    deflate: Box<CompressorOxide>,
}

fn le(numbers: &[(u64, usize)]) -> Vec<u8> {
    numbers.iter().flat_map(|&(n, len)| n.to_le_bytes().into_iter().take(len)).collect()
}

impl<W: Write> KuduZip<W> {
    /// An empty one.
    pub fn new(out: W) -> KuduZip<W> {
        KuduZip { out, at: 0, entries: Vec::new(), open: None }
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.at += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    /// Ends the entry that is being written, and begins another one.
    ///
    /// # Errors
    /// What the writer says.
    pub fn entry(&mut self, name: &str) -> io::Result<()> {
        self.end_entry()?;
        let header = self.at;
        let fields = [(20, 2), (8, 2), (8, 2), (0, 4), (0, 4), (0, 4), (0, 4), (name.len() as u64, 2), (0, 2)];
        self.put(&[b"PK\x03\x04", &le(&fields)[..], name.as_bytes()].concat())?;
        let deflate = Box::new(CompressorOxide::new(create_comp_flags_from_zip_params(1, -15, 0)));
        let (size, checksum) = (0, crc32fast::Hasher::new());
        self.open = Some(Open { name: name.into(), header, start: self.at, size, checksum, deflate });
        Ok(())
    }

    /// The next bytes of the entry.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let open = self.open.as_mut().expect("an entry was begun");
        open.size += bytes.len() as u64;
        open.checksum.update(bytes);
        self.deflate(bytes, TDEFLFlush::None)
    }

    fn deflate(&mut self, mut bytes: &[u8], flush: TDEFLFlush) -> io::Result<()> {
        let mut packed = vec![0; 64 << 10];
        loop {
            let open = self.open.as_mut().expect("an entry was begun");
            let (status, read, made) = compress(&mut open.deflate, bytes, &mut packed, flush);
            assert!(matches!(status, TDEFLStatus::Okay | TDEFLStatus::Done), "{status:?}");
            self.put(&packed[..made])?;
            bytes = &bytes[read..];
            if status == TDEFLStatus::Done || (flush == TDEFLFlush::None && bytes.is_empty()) {
                return Ok(());
            }
        }
    }

    fn end_entry(&mut self) -> io::Result<()> {
        if self.open.is_none() {
            return Ok(());
        }
        self.deflate(&[], TDEFLFlush::Finish)?;
        let Open { name, header, start, size, checksum, .. } = self.open.take().expect("it was there");
        let (packed, checksum) = (self.at - start, checksum.finalize());
        let wide = if size >= IN_ZIP64 || packed >= IN_ZIP64 { 8 } else { 4 };
        let descriptor = le(&[(u64::from(checksum), 4), (packed, wide), (size, wide)]);
        self.put(&[b"PK\x07\x08", &descriptor[..]].concat())?;
        self.entries.push(Entry { name, header, size, packed, checksum });
        Ok(())
    }

    /// Writes the directory.
    ///
    /// # Errors
    /// What the writer says.
    pub fn finish(mut self) -> io::Result<W> {
        self.end_entry()?;
        let directory = self.at;
        for e in std::mem::take(&mut self.entries) {
            // Of the three fields those that do not fit, in this order.
            let wide: Vec<(u64, usize)> =
                [e.size, e.packed, e.header].into_iter().filter(|&n| n >= IN_ZIP64).map(|n| (n, 8)).collect();
            let extra = match wide.len() as u64 {
                0 => Vec::new(),
                n => [le(&[(1, 2), (8 * n, 2)]), le(&wide)].concat(),
            };
            let version = if wide.is_empty() { 20 } else { 45 };
            let fields = [(version, 2), (version, 2), (8, 2), (8, 2), (0, 4), (u64::from(e.checksum), 4)];
            let sizes = [(e.packed.min(IN_ZIP64), 4), (e.size.min(IN_ZIP64), 4), (e.name.len() as u64, 2)];
            let rest = [(extra.len() as u64, 2), (0, 2), (0, 2), (0, 2), (0, 4), (e.header.min(IN_ZIP64), 4)];
            self.put(&[b"PK\x01\x02", &le(&fields)[..], &le(&sizes), &le(&rest), e.name.as_bytes(), &extra].concat())?;
            self.entries.push(e);
        }
        let (n, len) = (self.entries.len() as u64, self.at - directory);
        if directory >= IN_ZIP64 {
            let end = self.at;
            let record = le(&[(44, 8), (45, 2), (45, 2), (0, 4), (0, 4), (n, 8), (n, 8), (len, 8), (directory, 8)]);
            self.put(&[b"PK\x06\x06", &record[..], b"PK\x06\x07", &le(&[(0, 4), (end, 8), (1, 4)])].concat())?;
        }
        let record = le(&[(0, 2), (0, 2), (n, 2), (n, 2), (len, 4), (directory.min(IN_ZIP64), 4), (0, 2)]);
        self.put(&[b"PK\x05\x06", &record[..]].concat())?;
        self.out.flush()?;
        Ok(self.out)
    }
}
