//! From a rule for one parameter to an optimiser for a model.

use std::collections::BTreeMap;

use autograd::Gradients;
use tensor::kernels::par;
use tensor::{Element, Tensor};

use super::groups::Groups;
use super::rule::{Rule, Update};
use super::state::{OptimizerState, ParameterState, SavedBuffer, StateError};
use crate::config::ConfigError;
use crate::module::Module;
use crate::param::Param;
use crate::report::Mismatch;
use crate::values::Values;

/// Why a step was not taken. Model and state are as before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// Trainable parameters without a gradient. Freeze them, or find out where the graph is cut.
    #[error("optimiser step: no gradient for {}", .paths.join(", "))]
    MissingGradient {
        /// Their paths.
        paths: Vec<String>,
    },
    /// The gradients have a NaN or infinity in them.
    #[error("optimiser step: the gradient of {path} has a NaN or infinity at row-major index {index}")]
    NotFinite {
        /// Path of the first such parameter.
        path: String,
        /// Where in its gradient.
        index: usize,
    },
    /// The squares of finite gradients sum to infinity.
    #[error("optimiser step: the norm of the gradients overflows")]
    Overflow,
    /// The rule is not made for a parameter of this shape.
    #[error(
        "optimiser step: {rule} cannot update {path}, shape {shape:?}; give it to another rule (`Split`)"
    )]
    Unsupported {
        /// Name of the rule.
        rule: &'static str,
        /// Path of the parameter.
        path: String,
        /// Its shape.
        shape: Vec<usize>,
    },
}

/// Changes the parameters of a model along their gradients.
pub trait Optimizer<E: Element = f32> {
    /// One step with gradients multiplied by `gradient_scale`. Every trainable parameter is updated in place;
    /// frozen ones stay.
    ///
    /// # Errors
    /// If a trainable parameter has no gradient, or has a shape the rule is not made for.
    fn step_scaled(
        &mut self,
        model: &mut dyn Module<E>,
        grads: &Gradients<E>,
        lr: f64,
        gradient_scale: f64,
    ) -> Result<(), StepError>;

    /// One step.
    ///
    /// # Errors
    /// As [`step_scaled`](Self::step_scaled).
    fn step(&mut self, model: &mut dyn Module<E>, grads: &Gradients<E>, lr: f64) -> Result<(), StepError> {
        self.step_scaled(model, grads, lr, 1.0)
    }

    /// One step with gradients scaled so that the norm of all of them together is at most `max_norm` (Pascanu,
    /// Mikolov & Bengio 2013). The scaling happens inside the update and costs no pass of its own. Returns the
    /// norm before.
    ///
    /// # Errors
    /// As [`step_scaled`](Self::step_scaled), and if the norm is not finite: the run has diverged, or there is a
    /// bug; the first parameter concerned is named.
    fn step_clipped(
        &mut self,
        model: &mut dyn Module<E>,
        grads: &Gradients<E>,
        lr: f64,
        max_norm: f64,
    ) -> Result<f64, StepError> {
        let norm = finite_norm(model, grads)?;
        let scale = if norm > max_norm { max_norm / norm } else { 1.0 };
        self.step_scaled(model, grads, lr, scale)?;
        Ok(norm)
    }

    /// What the optimiser remembers.
    fn state(&self) -> OptimizerState;

    /// Continues from a saved state, for this model.
    ///
    /// # Errors
    /// If another rule saved it, or it does not fit the model's trainable parameters: everything missing,
    /// unexpected or of another shape is listed. The optimiser is then as before.
    fn load_state(&mut self, model: &dyn Module<E>, state: &OptimizerState) -> Result<(), StateError>;
}

/// The norm of all gradients together, or the parameter that spoils it.
fn finite_norm<E: Element>(model: &dyn Module<E>, grads: &Gradients<E>) -> Result<f64, StepError> {
    let norm = grads.norm();
    if norm.is_finite() {
        return Ok(norm);
    }
    for (path, param) in model.parameters() {
        if let Some(index) = grads.get(param.var()).and_then(Tensor::first_non_finite) {
            return Err(StepError::NotFinite { path, index });
        }
    }
    Err(StepError::Overflow)
}

/// An optimiser: an update [`Rule`], parameter groups, and the state of every parameter by path.
pub struct Optim<R, E: Element = f32> {
    rule: R,
    groups: Groups,
    /// In the order of the model; parameters frozen since come last.
    slots: Vec<Slot<E>>,
}

/// The state of one parameter.
struct Slot<E: Element> {
    path: String,
    step: u64,
    names: Vec<&'static str>,
    buffers: Vec<Tensor<E>>,
}

impl<E: Element> Slot<E> {
    fn new<R: Rule<E>>(rule: &R, path: &str, shape: &[usize]) -> Self {
        let (names, buffers) =
            rule.buffers(path, shape).iter().map(|b| (b.name, Tensor::zeros(&b.shape))).unzip();
        Self { path: path.to_owned(), step: 0, names, buffers }
    }

    fn save(&self) -> ParameterState {
        let buffers = self.names.iter().zip(&self.buffers).map(|(name, buffer)| SavedBuffer {
            name: (*name).to_owned(),
            shape: buffer.shape().to_vec(),
            values: Values::of(buffer),
        });
        ParameterState { path: self.path.clone(), step: self.step, buffers: buffers.collect() }
    }

    /// Takes over saved buffers, adding what does not fit to the lists.
    fn restore(&mut self, saved: &ParameterState, faults: &mut Faults) {
        self.step = saved.step;
        let name = |buffer: &str| format!("{}:{buffer}", self.path);
        for (own, buffer) in self.names.iter().zip(&mut self.buffers) {
            match saved.buffers.iter().find(|saved| saved.name == *own) {
                None => faults.missing.push(name(own)),
                Some(saved) => match saved.values.to_tensor(buffer.shape()) {
                    Some(values) if saved.shape == buffer.shape() => *buffer = values,
                    _ => {
                        let found = if saved.shape == buffer.shape() {
                            vec![saved.values.len()]
                        } else {
                            saved.shape.clone()
                        };
                        faults.misshaped.push((name(own), buffer.shape().to_vec(), found));
                    }
                },
            }
        }
        let unknown = saved.buffers.iter().filter(|saved| !self.names.contains(&saved.name.as_str()));
        faults.unexpected.extend(unknown.map(|saved| name(&saved.name)));
    }
}

/// What does not fit between a saved state and a model.
#[derive(Default)]
struct Faults {
    missing: Vec<String>,
    unexpected: Vec<String>,
    misshaped: Vec<(String, Vec<usize>, Vec<usize>)>,
}

impl Faults {
    fn check(self) -> Result<(), StateError> {
        let Self { missing, unexpected, misshaped } = self;
        let mismatch = Mismatch { missing: &missing, unexpected: &unexpected, misshaped: &misshaped };
        if mismatch.is_empty() {
            Ok(())
        } else {
            Err(StateError::Mismatch { missing, unexpected, misshaped })
        }
    }
}

/// All that an update needs, gathered so that updates run side by side.
struct Job<'a, E: Element> {
    update: Update<'a>,
    param: &'a mut [E],
    gradient: Tensor<E>,
    buffers: &'a mut [Tensor<E>],
}

impl<R: Rule<E>, E: Element> Optim<R, E> {
    /// An optimiser that has not taken a step.
    ///
    /// # Errors
    /// If a setting of the rule makes no sense.
    pub fn new(rule: R) -> Result<Self, ConfigError> {
        rule.validate()?;
        Ok(Self { rule, groups: Groups::new(), slots: Vec::new() })
    }

    /// Treats some parameters differently.
    pub fn with_groups(mut self, groups: Groups) -> Self {
        self.groups = groups;
        self
    }

    /// The rule and its settings.
    pub fn rule(&self) -> &R {
        &self.rule
    }

    /// Checks, before anything is changed, that every trainable parameter can be updated.
    fn check(&self, params: &[(String, &mut Param<E>)], grads: &Gradients<E>) -> Result<(), StepError> {
        let without =
            |(path, param): &(String, &mut Param<E>)| grads.get(param.var()).is_none().then(|| path.clone());
        let paths: Vec<String> = params.iter().filter_map(without).collect();
        if !paths.is_empty() {
            return Err(StepError::MissingGradient { paths });
        }
        match params.iter().find(|(path, param)| !self.rule.supports(path, param.shape())) {
            Some((path, param)) => Err(StepError::Unsupported {
                rule: self.rule.name(),
                path: path.clone(),
                shape: param.shape().to_vec(),
            }),
            None => Ok(()),
        }
    }

    /// Brings the slots into the order of the parameters, making those that are not there yet.
    fn arrange(&mut self, params: &[(String, &mut Param<E>)]) {
        for (at, (path, param)) in params.iter().enumerate() {
            match self.slots[at..].iter().position(|slot| slot.path == *path) {
                Some(0) => {}
                Some(ahead) => self.slots[at..=at + ahead].rotate_right(1),
                None => self.slots.insert(at, Slot::new(&self.rule, path, param.shape())),
            }
        }
    }
}

impl<R: Rule<E>, E: Element> Optimizer<E> for Optim<R, E> {
    fn step_scaled(
        &mut self,
        model: &mut dyn Module<E>,
        grads: &Gradients<E>,
        lr: f64,
        gradient_scale: f64,
    ) -> Result<(), StepError> {
        let mut params = model.parameters_mut();
        params.retain(|(_, param)| param.is_trainable());
        self.check(&params, grads)?;
        self.arrange(&params);
        let shapes: Vec<Vec<usize>> = params.iter().map(|(_, param)| param.shape().to_vec()).collect();
        let mut jobs = Vec::with_capacity(params.len());
        for (((path, param), slot), shape) in params.iter_mut().zip(&mut self.slots).zip(&shapes) {
            slot.step += 1;
            let group = self.groups.of(path, shape);
            let (step, decay_scale) = (slot.step, group.decay_scale);
            let lr = lr * group.lr_scale;
            let update = Update { path, shape, step, lr, decay_scale, gradient_scale };
            let gradient = grads.get(param.var()).expect("checked above").contiguous();
            let param = param.value_mut().data_mut();
            jobs.push(Job { update, param, gradient, buffers: &mut slot.buffers });
        }
        let count = jobs.len();
        let rule = &self.rule;
        par::for_each(&mut jobs[..], count, 1, |_, jobs: &mut [Job<'_, E>]| {
            for job in jobs {
                rule.update(&job.update, job.param, job.gradient.data(), job.buffers);
            }
        });
        Ok(())
    }

    fn state(&self) -> OptimizerState {
        let parameters = self.slots.iter().map(Slot::save).collect();
        OptimizerState { rule: self.rule.name().to_owned(), parameters }
    }

    fn load_state(&mut self, model: &dyn Module<E>, state: &OptimizerState) -> Result<(), StateError> {
        if state.rule != self.rule.name() {
            let (expected, found) = (self.rule.name().to_owned(), state.rule.clone());
            return Err(StateError::Rule { expected, found });
        }
        let (mut slots, mut faults) = (Vec::new(), Faults::default());
        let mut unread: BTreeMap<&str, &ParameterState> =
            state.parameters.iter().map(|saved| (saved.path.as_str(), saved)).collect();
        for (path, param) in model.parameters() {
            match unread.remove(path.as_str()) {
                Some(saved) => {
                    let mut slot = Slot::new(&self.rule, &path, param.shape());
                    slot.restore(saved, &mut faults);
                    slots.push(slot);
                }
                // A state from before the first step has nothing in it, which is no fault.
                None if param.is_trainable() && !state.parameters.is_empty() => faults.missing.push(path),
                None => {}
            }
        }
        faults.unexpected.extend(unread.into_keys().map(str::to_owned));
        faults.check()?;
        self.slots = slots;
        Ok(())
    }
}
