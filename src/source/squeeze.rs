//! Bytes of a process's memory held in less room: blocks of LZ4, which costs a fraction of what inflating does.
//!
//! All blocks are of one length, with zeros behind shorter ones: one copy of the compressor's code is enough.

use lz4_flex::block::{compress_into, decompress_into, get_maximum_output_size};

/// Bytes of a block: as much as a deflate stream may refer to.
pub const PIECE: usize = 32 << 10;

/// At most [`PIECE`] bytes, made small.
pub fn squeeze(bytes: &[u8]) -> Box<[u8]> {
    let mut block = [0; PIECE];
    let len = bytes.len().min(PIECE);
    if let (Some(start), Some(bytes)) = (block.get_mut(..len), bytes.get(..len)) {
        start.copy_from_slice(bytes);
    }
    let mut room = [0; get_maximum_output_size(PIECE)];
    match compress_into(&block, &mut room) {
        Ok(n) if n < PIECE => room.get(..n).unwrap_or_default().into(),
        // Noise is kept as it is, and told by its length.
        _ => block.as_slice().into(),
    }
}

/// The bytes of a block, whose end is zeros where [`squeeze`] got fewer; `None` if it is none.
pub fn restore(squeezed: &[u8], block: &mut [u8; PIECE]) -> Option<()> {
    if squeezed.len() == PIECE {
        block.copy_from_slice(squeezed);
        return Some(());
    }
    (decompress_into(squeezed, block).ok()? == PIECE).then_some(())
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_was_squeezed_comes_back() {
        let noise: Vec<u8> = (0..PIECE as u64).map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as u8).collect();
        for (bytes, most) in [
            (Vec::new(), 200),
            (vec![0; PIECE], 200),
            (b"method table ".repeat(PIECE / 13), 300),
            (noise.clone(), PIECE),
            (noise[..1000].to_vec(), 1300),
            ([noise, vec![7; PIECE]].concat(), PIECE),
        ] {
            let squeezed = squeeze(&bytes);
            assert!(squeezed.len() <= most, "{} of {}", squeezed.len(), bytes.len());
            let mut block = [0xaa; PIECE];
            restore(&squeezed, &mut block).unwrap();
            let len = bytes.len().min(PIECE);
            assert_eq!(block[..len], bytes[..len]);
            assert!(block[len..].iter().all(|&b| b == 0));
        }
        for broken in [&[][..], &[0xff; 20], &squeeze(&[1; 100])[..5]] {
            assert_eq!(restore(broken, &mut [0; PIECE]), None);
        }
    }
}
