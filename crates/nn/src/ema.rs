//! Averages of weights over the steps of training.

use serde::{Deserialize, Serialize};
use tensor::kernels::par;
use tensor::{Element, Tensor};

use crate::config::{ConfigError, decay};
use crate::module::Module;
use crate::values::Values;

/// An exponential moving average of a model's weights (Polyak & Juditsky 1992): often better than the last weights.
///
/// `average = d·average + (1 − d)·weights` with `d = min(decay, (1 + n)/(10 + n))` in update `n`, which forgets
/// the first weights sooner.
///
/// ```
/// use nn::{Ema, Module, Param};
/// use tensor::Tensor;
/// let mut model = Param::new(Tensor::<f32>::zeros(&[2]));
/// let mut ema = Ema::new(&model, 0.99)?;
/// model.set(Tensor::ones(&[2]));
/// ema.update(&model);
/// ema.swap(&mut model);                       // evaluate with the average …
/// assert!((model.value().to_vec()[0] - 9.0 / 11.0).abs() < 1e-6);
/// ema.swap(&mut model);                       // … and train on
/// assert_eq!(model.value().to_vec(), [1.0, 1.0]);
/// # Ok::<(), nn::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ema<E: Element = f32> {
    decay: f64,
    updates: u64,
    averages: Vec<(String, Tensor<E>)>,
}

/// An [`Ema`] as data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmaState {
    /// Updates so far.
    pub updates: u64,
    /// Path, shape and values of each average.
    pub averages: Vec<(String, Vec<usize>, Values)>,
}

/// A saved average that does not fit the model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("weight average: {path} {why}")]
pub struct EmaStateError {
    /// The parameter.
    pub path: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl<E: Element> Ema<E> {
    /// Starts from the model's weights.
    ///
    /// # Errors
    /// If `decay` is not in `[0, 1)`.
    pub fn new(model: &dyn Module<E>, decay_rate: f64) -> Result<Self, ConfigError> {
        decay("weight average", "decay", decay_rate)?;
        let averages =
            model.parameters().into_iter().map(|(path, param)| (path, param.value().clone())).collect();
        Ok(Self { decay: decay_rate, updates: 0, averages })
    }

    /// Takes the weights after a step into the average.
    ///
    /// # Panics
    /// If the model has other parameters than at the start.
    #[track_caller]
    pub fn update(&mut self, model: &dyn Module<E>) {
        let params = model.parameters();
        self.check(params.iter().map(|(path, param)| (path.as_str(), param.shape())));
        self.updates += 1;
        let n = self.updates as f64;
        let fresh = E::from_f64(1.0 - self.decay.min((1.0 + n) / (10.0 + n)));
        for ((_, average), (_, param)) in self.averages.iter_mut().zip(params) {
            let value = param.value().contiguous();
            let (average, len) = (average.data_mut(), value.len());
            par::for_each((average, value.data()), len, par::CHUNK, |_, (average, value)| {
                average.iter_mut().zip(value).for_each(|(a, x)| *a += fresh * (*x - *a));
            });
        }
    }

    /// Exchanges the model's weights and the averages, copying nothing: once to evaluate or save with the averages,
    /// once more to train on.
    ///
    /// # Panics
    /// If the model has other parameters than at the start.
    #[track_caller]
    pub fn swap(&mut self, model: &mut dyn Module<E>) {
        let params = model.parameters_mut();
        self.check(params.iter().map(|(path, param)| (path.as_str(), param.shape())));
        for ((_, average), (_, param)) in self.averages.iter_mut().zip(params) {
            std::mem::swap(average, param.value_mut());
        }
    }

    /// The averages by path.
    pub fn averages(&self) -> &[(String, Tensor<E>)] {
        &self.averages
    }

    /// The average as data.
    pub fn state(&self) -> EmaState {
        let data = |(path, average): &(String, Tensor<E>)| {
            (path.clone(), average.shape().to_vec(), Values::of(average))
        };
        EmaState { updates: self.updates, averages: self.averages.iter().map(data).collect() }
    }

    /// Continues from saved data.
    ///
    /// # Errors
    /// If it does not have the same paths and shapes, in the same order.
    pub fn load_state(&mut self, state: &EmaState) -> Result<(), EmaStateError> {
        let fault = |path: &str, why| EmaStateError { path: path.to_owned(), why };
        let mut averages = Vec::with_capacity(self.averages.len());
        let mut saved = state.averages.iter();
        for (path, average) in &self.averages {
            let (_, shape, values) = saved
                .next()
                .filter(|(name, ..)| name == path)
                .ok_or_else(|| fault(path, "is not at its place in the saved state"))?;
            let value = values.to_tensor(average.shape()).filter(|_| shape == average.shape());
            averages.push((path.clone(), value.ok_or_else(|| fault(path, "has another shape there"))?));
        }
        match saved.next() {
            Some((path, ..)) => Err(fault(path, "is not in the model")),
            None => {
                (self.updates, self.averages) = (state.updates, averages);
                Ok(())
            }
        }
    }

    #[track_caller]
    fn check<'a>(&self, params: impl ExactSizeIterator<Item = (&'a str, &'a [usize])>) {
        let same = params.len() == self.averages.len()
            && params
                .zip(&self.averages)
                .all(|((path, shape), (own, average))| path == own && shape == average.shape());
        assert!(same, "weight average: the model's parameters are not those it was made for");
    }
}

/// The mean of the weights of several models of one shape, such as the last checkpoints of a run; put into `model`.
///
/// # Panics
/// If there are none, or their parameters differ in path or shape.
#[track_caller]
pub fn average_into<E: Element>(model: &mut dyn Module<E>, others: &[&dyn Module<E>]) {
    assert!(!others.is_empty(), "average_into: no models");
    let lists: Vec<_> = others.iter().map(|other| other.parameters()).collect();
    let params = model.parameters_mut();
    assert!(lists.iter().all(|list| list.len() == params.len()), "average_into: models of different size");
    let share = E::ONE / E::from_usize(others.len());
    for (i, (path, param)) in params.into_iter().enumerate() {
        let mut sum = Tensor::zeros(param.shape());
        for list in &lists {
            let (other, value) = (&list[i].0, list[i].1.value());
            assert!(
                path == *other && value.shape() == param.shape(),
                "average_into: {path} and {other} differ"
            );
            sum.add_assign(value);
        }
        sum.scale_assign(share);
        param.set(sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Param;

    fn model(value: f64) -> Vec<Param<f64>> {
        vec![Param::new(Tensor::full(&[2, 2], value)), Param::new(Tensor::full(&[3], -value))]
    }

    #[test]
    fn the_average_follows_its_formula_and_survives_saving() {
        let mut ema = Ema::new(&model(1.0), 0.5).unwrap();
        ema.update(&model(3.0));
        let after_one = 1.0 * (2.0 / 11.0) + 3.0 * (9.0 / 11.0);
        assert!((ema.averages()[0].1.at(&[0, 0]) - after_one).abs() < 1e-15);
        let mut copy = Ema::new(&model(0.0), 0.5).unwrap();
        copy.load_state(&ema.state()).unwrap();
        ema.update(&model(5.0));
        copy.update(&model(5.0));
        assert_eq!(ema.state(), copy.state());
        let mut other = Ema::new(&vec![Param::new(Tensor::<f64>::zeros(&[2, 2]))], 0.5).unwrap();
        assert_eq!(
            other.load_state(&ema.state()).unwrap_err().to_string(),
            "weight average: 1 is not in the model"
        );
    }

    #[test]
    fn checkpoints_are_averaged() {
        let mut mean = model(0.0);
        average_into(&mut mean, &[&model(1.0), &model(2.0), &model(6.0)]);
        assert_eq!(mean[0].value().to_vec(), [3.0; 4]);
        assert_eq!(mean[1].value().to_vec(), [-3.0; 3]);
    }
}
