//! Random inputs for gradient checks: distinct dimensions, every memory layout, values where they are wanted.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use tensor::{Ids, Tensor};

/// Draws the inputs of a gradient check from one seed.
///
/// Dimensions drawn together all differ, so that an exchanged axis is a shape error and not a lucky pass.
/// Tensors come contiguous, transposed, as a slice of something larger or stretched from one row.
///
/// ```
/// use autograd::Gen;
/// let mut draw = Gen::new(7);
/// let [batch, time] = draw.dims();
/// assert_ne!(batch, time);
/// let x = draw.normal(&[batch, time]);
/// assert_eq!(x.shape(), [batch, time]);
/// ```
#[derive(Clone, Debug)]
pub struct Gen {
    rng: Xoshiro256PlusPlus,
}

impl Gen {
    /// A generator that depends on `seed` alone.
    pub fn new(seed: u64) -> Self {
        Self { rng: Xoshiro256PlusPlus::seed_from_u64(seed) }
    }

    /// The random numbers underneath, to hand to what takes an RNG.
    pub fn rng(&mut self) -> &mut Xoshiro256PlusPlus {
        &mut self.rng
    }

    /// `N` different sizes from 1, 2, 3, 4, 5 and 7; 1 is drawn at most once and seldom.
    ///
    /// # Panics
    /// Above `N` = 5.
    pub fn dims<const N: usize>(&mut self) -> [usize; N] {
        assert!(N <= 5, "at most 5 distinct small sizes");
        let mut sizes = vec![2, 3, 4, 5, 7];
        if self.rng.random_bool(0.1) {
            sizes[0] = 1;
        }
        std::array::from_fn(|_| sizes.swap_remove(self.rng.random_range(0..sizes.len())))
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.rng.random_range(0..limit)
    }

    /// Heads or tails.
    pub fn flip(&mut self) -> bool {
        self.rng.random()
    }

    /// A number in `[low, high)`.
    pub fn number(&mut self, low: f64, high: f64) -> f64 {
        self.rng.random_range(low..high)
    }

    /// Ids below `limit`.
    pub fn ids(&mut self, shape: &[usize], limit: usize) -> Ids {
        let data = (0..shape.iter().product()).map(|_| self.rng.random_range(0..limit as u32)).collect();
        Ids::new(data, shape)
    }

    /// Standard normal values, any layout.
    pub fn normal(&mut self, shape: &[usize]) -> Tensor<f64> {
        self.tensor(shape, |rng| {
            // Box–Muller (1958); 1 − u is never 0.
            let (u, v): (f64, f64) = (rng.random(), rng.random());
            (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
        })
    }

    /// Values in `[low, high)`, any layout.
    pub fn uniform(&mut self, shape: &[usize], low: f64, high: f64) -> Tensor<f64> {
        self.tensor(shape, |rng| rng.random_range(low..high))
    }

    /// Different values, none nearer than 0.05 to another: for operations that pick one of several (maximum,
    /// sorting), whose gradient jumps where two are equal. Any layout but stretched.
    pub fn distinct(&mut self, shape: &[usize]) -> Tensor<f64> {
        let count: usize = shape.iter().product();
        let mut values: Vec<f64> = (0..count).map(|i| (i as f64 - count as f64 / 2.0) * 0.1).collect();
        for i in (1..count).rev() {
            values.swap(i, self.rng.random_range(0..=i));
        }
        let jitter: Vec<f64> = values.iter().map(|v| v + self.rng.random_range(0.0..0.04)).collect();
        self.relaid(&Tensor::from_vec(jitter, shape))
    }

    /// The same values, stored contiguous, transposed, within something larger, or with gaps.
    fn relaid(&mut self, x: &Tensor<f64>) -> Tensor<f64> {
        if x.rank() == 0 {
            return x.clone();
        }
        let [axis, other] = [(); 2].map(|()| self.below(x.rank()) as isize);
        match self.below(4) {
            0 => x.clone(),
            1 => x.transpose(axis, other).contiguous().transpose(axis, other),
            2 => {
                let length = x.dim(axis);
                Tensor::concat(&[x, x, x], axis).slice(axis, length..2 * length)
            }
            _ => Tensor::stack(&[x, x], -1).select(-1, 1),
        }
    }

    /// Values of `draw`, in a random layout.
    pub fn tensor(
        &mut self,
        shape: &[usize],
        mut draw: impl FnMut(&mut Xoshiro256PlusPlus) -> f64,
    ) -> Tensor<f64> {
        let mut fill = |rng: &mut Xoshiro256PlusPlus, shape: &[usize]| {
            Tensor::build(shape, |out| out.iter_mut().for_each(|o| *o = draw(rng)))
        };
        let rank = shape.len();
        let layout = if rank == 0 { 0 } else { self.rng.random_range(0..5) };
        let axis = if rank == 0 { 0 } else { self.rng.random_range(0..rank) };
        let mut stored = shape.to_vec();
        match layout {
            1 => {
                let other = self.rng.random_range(0..rank);
                stored.swap(axis, other);
                fill(&mut self.rng, &stored).transpose(axis as isize, other as isize)
            }
            2 => {
                stored[axis] += 3;
                fill(&mut self.rng, &stored).slice(axis as isize, 1..1 + shape[axis])
            }
            3 if self.rng.random_bool(0.3) => {
                stored[axis] = 1;
                fill(&mut self.rng, &stored).broadcast_to(shape)
            }
            4 => {
                stored[axis] *= 2;
                fill(&mut self.rng, &stored).slice_step(axis as isize, 0..2 * shape[axis], 2)
            }
            _ => fill(&mut self.rng, shape),
        }
    }
}
