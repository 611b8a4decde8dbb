//! Random numbers as a function of a seed and an index.
//!
//! Element `i` of a stream depends on the seed and on `i` alone, so streams are filled in parallel with
//! the same result on any number of threads, and a dropout mask is recomputed in the backward pass
//! instead of being kept. Not for cryptography.

use super::compiled::compiled;
use super::par;
use crate::Element;

/// Cost of 32 random bits, in additions.
const BITS_COST: usize = 4;
/// Cost of a normal number, in additions.
const NORMAL_COST: usize = 32;

/// The two 32-bit keys of a stream: the finaliser of SplitMix64 (Steele, Lea & Flood 2014) of the seed.
#[derive(Clone, Copy)]
struct Keys(u32, u32);

impl Keys {
    /// Keys for the indices whose upper half is that of `index`.
    fn new(seed: u64, index: u64) -> Self {
        // The seed is mixed before the upper half joins it: two seeds share no block of indices.
        let mixed = mix64(mix64(seed).wrapping_add(index >> 32));
        Self(mixed as u32, (mixed >> 32) as u32)
    }

    /// 32 random bits for the lower half of an index: two rounds of multiplying and folding, each a
    /// bijection in which every input bit reaches every output bit, with a key before each.
    #[inline(always)]
    fn bits(self, index: u32) -> u32 {
        mix32(mix32(index ^ self.0).wrapping_add(self.1))
    }
}

fn mix64(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[inline(always)]
fn mix32(x: u32) -> u32 {
    let x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    let x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

/// A seed for stream number `stream` of `seed`: for every layer, step or use its own.
///
/// ```
/// use tensor::kernels::random::derive_seed;
/// assert_ne!(derive_seed(1, 0), derive_seed(0, 1));
/// ```
pub fn derive_seed(seed: u64, stream: u64) -> u64 {
    mix64(mix64(seed) ^ stream.wrapping_mul(0xd6e8_feb8_6659_fd93))
}

/// 32 random bits: element `index` of the stream of `seed`.
pub fn bits(seed: u64, index: u64) -> u32 {
    Keys::new(seed, index).bits(index as u32)
}

/// What dropout does with an element: `bits ≥ threshold` keeps it, times `scale`.
#[derive(Clone, Copy)]
struct Drop<E> {
    threshold: u32,
    scale: E,
}

impl<E: Element> Drop<E> {
    /// `None` if everything is dropped.
    #[track_caller]
    fn new(p: f64) -> Option<Self> {
        assert!((0.0..=1.0).contains(&p), "dropout: p must be between 0 and 1, not {p}");
        let threshold = (p * 4_294_967_296.0).round();
        (threshold < 4_294_967_296.0)
            .then(|| Self { threshold: threshold as u32, scale: E::from_f64(1.0 / (1.0 - p)) })
    }
}

compiled! {
    fn dropout_part<'a, E>(x: &'a [E], y: &'a mut [E], keys: Keys, start: u32, drop: Drop<E>) {
        for (i, (y, &x)) in y.iter_mut().zip(x).enumerate() {
            let keep = keys.bits(start.wrapping_add(i as u32)) >= drop.threshold;
            *y = if keep { x * drop.scale } else { E::ZERO };
        }
    }

    fn dropout_in_place_part<'a, E>(y: &'a mut [E], keys: Keys, start: u32, drop: Drop<E>) {
        for (i, y) in y.iter_mut().enumerate() {
            let keep = keys.bits(start.wrapping_add(i as u32)) >= drop.threshold;
            *y = if keep { *y * drop.scale } else { E::ZERO };
        }
    }

    fn uniform_part<'a, E>(y: &'a mut [E], keys: Keys, start: u32, low: E, width: E) {
        for (i, y) in y.iter_mut().enumerate() {
            let unit = E::unit_from_bits(keys.bits(start.wrapping_add(i as u32)));
            *y = unit.fma::<FMA>(width, low);
        }
    }

    fn normal_part<'a, E>(y: &'a mut [E], keys: [Keys; 2], start: u32, mean: E, std: E) {
        for (i, y) in y.iter_mut().enumerate() {
            let index = start.wrapping_add(i as u32);
            *y = normal::<FMA, E>(keys[0].bits(index), keys[1].bits(index)).fma::<FMA>(std, mean);
        }
    }
}

/// A standard normal number from 64 random bits (Box & Muller 1958).
#[inline(always)]
fn normal<const FMA: bool, E: Element>(radius: u32, angle: u32) -> E {
    // All 32 bits, and never 0: the tail reaches to 6.7.
    let unit = E::from_f64((f64::from(radius) + 0.5) * (1.0 / 4_294_967_296.0));
    let angle = E::unit_from_bits(angle) * E::from_f64(std::f64::consts::TAU);
    (E::from_f64(-2.0) * unit.vln::<FMA>()).sqrt() * angle.cos()
}

/// Calls `f(start, keys, part)` on parts that do not straddle a multiple of 2³², where the keys change.
fn for_each_keyed<S: par::Split>(
    data: S,
    len: usize,
    first: u64,
    cost: usize,
    seeds: &[u64],
    f: impl Fn(u32, &dyn Fn(usize) -> Keys, S) + Sync,
) {
    let keyed = |data: S, len: usize, first: u64| {
        par::for_each(data, len, par::rows_per_chunk(cost), |start, part| {
            let index = first.wrapping_add(start as u64);
            f(index as u32, &|stream| Keys::new(seeds[stream], index), part);
        });
    };
    let (mut data, mut len, mut first) = (data, len, first);
    loop {
        let room = 0x1_0000_0000 - (first & 0xffff_ffff);
        if len as u64 <= room {
            return keyed(data, len, first);
        }
        let (head, tail) = data.split(room as usize);
        keyed(head, room as usize, first);
        (data, len, first) = (tail, len - room as usize, first.wrapping_add(room));
    }
}

/// Inverted dropout (Srivastava et al. 2014): `yᵢ = 0` with probability `p`, else `xᵢ / (1 − p)`.
///
/// Whether element `i` is kept is a function of `seed` and `i` alone: the backward pass is the same call
/// on the gradient. Panics if the lengths differ or `p` is not in `[0, 1]`.
///
/// ```
/// use tensor::kernels::random::dropout;
/// let (mut y, mut dx) = ([0.0f32; 100], [0.0f32; 100]);
/// dropout(&[1.0; 100], &mut y, 0.5, 7);
/// dropout(&[1.0; 100], &mut dx, 0.5, 7);
/// assert_eq!(y, dx);
/// ```
pub fn dropout<E: Element>(x: &[E], y: &mut [E], p: f64, seed: u64) {
    assert_eq!(x.len(), y.len(), "dropout: lengths differ");
    let Some(drop) = Drop::new(p) else { return y.fill(E::ZERO) };
    for_each_keyed((x, y), x.len(), 0, BITS_COST, &[seed], |start, keys, (x, y)| {
        dropout_part(x, y, keys(0), start, drop);
    });
}

/// [`dropout`] in place of a part that starts at element `first` of the whole: for kernels that see one
/// block at a time. Panics if `p` is not in `[0, 1]`.
pub fn dropout_at<E: Element>(y: &mut [E], first: u64, p: f64, seed: u64) {
    let Some(drop) = Drop::new(p) else { return y.fill(E::ZERO) };
    let len = y.len();
    for_each_keyed(y, len, first, BITS_COST, &[seed], |start, keys, y| {
        dropout_in_place_part(y, keys(0), start, drop);
    });
}

/// Uniform numbers in `[low, high)` (`high` itself only where rounding reaches it), 24 random bits each.
pub fn fill_uniform<E: Element>(y: &mut [E], low: E, high: E, seed: u64) {
    let len = y.len();
    for_each_keyed(y, len, 0, BITS_COST, &[seed], |start, keys, y| {
        uniform_part(y, keys(0), start, low, high - low);
    });
}

/// Normal numbers.
///
/// ```
/// use tensor::kernels::random::fill_normal;
/// let mut weights = vec![0.0f32; 1000];
/// fill_normal(&mut weights, 0.0, 0.02, 1);
/// assert!(weights.iter().all(|w| w.abs() < 0.14));
/// ```
pub fn fill_normal<E: Element>(y: &mut [E], mean: E, std: E, seed: u64) {
    let seeds = [derive_seed(seed, 0), derive_seed(seed, 1)];
    let len = y.len();
    for_each_keyed(y, len, 0, NORMAL_COST, &seeds, |start, keys, y| {
        normal_part(y, [keys(0), keys(1)], start, mean, std);
    });
}

/// Normal numbers, drawn again until they lie in `[low, high]`.
///
/// # Panics
/// If the interval holds less than a hundredth of the distribution.
pub fn fill_truncated_normal<E: Element>(y: &mut [E], mean: E, std: E, low: E, high: E, seed: u64) {
    let cdf = |x: E| {
        let z = (x.to_f64() - mean.to_f64()) / std.to_f64();
        0.5 * (1.0 + super::math::VectorMath::verf::<false>(z * std::f64::consts::FRAC_1_SQRT_2))
    };
    let mass = cdf(high) - cdf(low);
    assert!(mass >= 0.01, "truncated normal: [{low}, {high}] holds {mass} of the distribution");
    let len = y.len();
    par::for_each(y, len, par::rows_per_chunk(NORMAL_COST), |start, y| {
        for (i, y) in y.iter_mut().enumerate() {
            let index = (start + i) as u64;
            *y = (0u64..)
                .map(|attempt| {
                    let stream = |half| derive_seed(seed, 2 * attempt + half);
                    let z: E = normal::<false, E>(bits(stream(0), index), bits(stream(1), index));
                    z * std + mean
                })
                .find(|x| (low..=high).contains(x))
                .unwrap_or(mean);
        }
    });
}

#[cfg(test)]
mod tests;
