//! Training or evaluation.

use rand::Rng;

/// Whether a forward pass trains, and with which random numbers, or evaluates.
///
/// ```
/// use nn::Mode;
/// use rand::SeedableRng;
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let mode = &mut Mode::Train(&mut rng);
/// assert!(mode.is_train());
/// ```
pub enum Mode<'r> {
    /// Dropout and other noise are on and draw from this generator.
    Train(&'r mut dyn Rng),
    /// No noise.
    Eval,
}

impl Mode<'_> {
    /// Whether this is a training pass.
    pub fn is_train(&self) -> bool {
        matches!(self, Self::Train(_))
    }

    /// The random generator of a training pass.
    pub fn rng(&mut self) -> Option<&mut dyn Rng> {
        match self {
            Self::Train(rng) => Some(*rng),
            Self::Eval => None,
        }
    }
}
