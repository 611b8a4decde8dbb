//! Differences of distributions.

use autograd::{Case, Reduction, Var, gradcheck};
use tensor::Element;

use crate::config::{ConfigError, positive};

pub(super) const CASES: &[Case] = &[
    Case::new("KlDiv", |draw| {
        let [batch, time, vocab] = draw.dims();
        let (x, p) = (draw.normal(&[batch, time, vocab]), draw.uniform(&[batch, time, vocab], 0.1, 1.0));
        let reduction = [Reduction::Mean, Reduction::Sum, Reduction::None][draw.below(3)];
        gradcheck(|v| KlDiv { reduction }.forward(&v[0].log_softmax(-1), &v[1]), &[x, p])
    }),
    Case::new("Distillation", |draw| {
        let [batch, time, vocab] = draw.dims();
        let (student, teacher) = (draw.normal(&[batch, time, vocab]), draw.normal(&[batch, time, vocab]));
        let (loss, teacher) =
            (Distillation::new(draw.number(0.5, 3.0)).expect("settings"), Var::constant(teacher));
        gradcheck(|v| loss.forward(&v[0], &teacher), &[student])
    }),
];

/// Kullback–Leibler divergence of log-probabilities `x` from probabilities `p`, `Σ_c p_c·(ln p_c − x_c)` for each
/// row, 0 where `p = 0`.
///
/// ```
/// use autograd::Var;
/// use nn::KlDiv;
/// use tensor::Tensor;
/// let p = Var::constant(Tensor::from_vec(vec![0.25_f32, 0.75, 0.5, 0.5], &[2, 2]));      // (batch, vocab)
/// let log_q = Var::leaf(Tensor::zeros(&[2, 2])).log_softmax(-1);
/// let of_the_first_row = 2.0_f32.ln() + 0.25 * 0.25_f32.ln() + 0.75 * 0.75_f32.ln();
/// assert!((KlDiv::default().forward(&log_q, &p).item() - of_the_first_row / 2.0).abs() < 1e-6);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct KlDiv {
    /// Mean over the rows (PyTorch's `batchmean` of two dimensions), sum, or one divergence for each row.
    pub reduction: Reduction,
}

impl KlDiv {
    /// `log_probabilities, p (.., vocab)` → `()`, or `(..)` without reduction.
    ///
    /// # Panics
    /// If the shapes differ or are `()`.
    #[track_caller]
    pub fn forward<E: Element>(&self, log_probabilities: &Var<E>, p: &Var<E>) -> Var<E> {
        let terms = log_probabilities.kl_div(p, Reduction::None); // (.., vocab)
        terms.sum_axis(-1, false).reduced(self.reduction)
    }
}

/// Distillation (Hinton, Vinyals & Dean 2015): Kullback–Leibler divergence of the student's distribution from the
/// teacher's, both softened, `T²·mean_rows Σ p·(ln p − ln q)` with `p = softmax(teacher/T)`,
/// `q = softmax(student/T)`. The factor keeps the gradient's size whatever the temperature.
///
/// ```
/// use autograd::Var;
/// use nn::Distillation;
/// use tensor::Tensor;
/// let logits = Var::leaf(Tensor::from_vec(vec![1.0_f32, 2.0, 3.0], &[1, 3]));
/// let loss = Distillation::new(2.0)?.forward(&logits, &logits.detach());
/// assert!(loss.item().abs() < 1e-6);
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distillation {
    temperature: f64,
}

impl Distillation {
    /// With this temperature.
    ///
    /// # Errors
    /// If it is not above 0.
    pub fn new(temperature: f64) -> Result<Self, ConfigError> {
        positive("distillation", "temperature", temperature)?;
        Ok(Self { temperature })
    }

    /// Logits of student and teacher `(.., vocab)` → `()`. The teacher gets no gradient.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn forward<E: Element>(&self, student: &Var<E>, teacher: &Var<E>) -> Var<E> {
        let soften = E::from_f64(1.0 / self.temperature);
        let log_q = (student * soften).log_softmax(-1); // (.., vocab)
        let p = (teacher.detach() * soften).softmax(-1); // (.., vocab)
        let rows = student.value().len() / student.dim(-1).max(1);
        let scale = self.temperature * self.temperature / rows.max(1) as f64;
        log_q.kl_div(&p, Reduction::Sum) * E::from_f64(scale)
    }
}
