//! An optimiser's state in a checkpoint: its buffers among the tensors, the rest in the head.

use nn::Values;
use nn::optim::OptimizerState;
use tensor::Element;

use crate::checkpoint::Checkpoint;
use crate::error::Error;

impl<S, E: Element> Checkpoint<S, E> {
    /// Moves the buffers of an optimiser's state into `group`, named `path#buffer`. Returns what is left, small
    /// enough for the checkpoint's own state; [`take_optimizer`](Self::take_optimizer) joins the two again.
    pub fn put_optimizer(&mut self, group: &str, mut state: OptimizerState) -> OptimizerState {
        for parameter in &mut state.parameters {
            for buffer in &mut parameter.buffers {
                let values = std::mem::replace(&mut buffer.values, Values::F32(Vec::new()));
                let value =
                    values.to_tensor::<E>(&buffer.shape).expect("a buffer has the values of its shape");
                self.put(group, [(format!("{}#{}", parameter.path, buffer.name), value)]);
            }
        }
        state
    }

    /// The whole state of an optimiser from its head and the buffers in `group`.
    ///
    /// # Errors
    /// If a buffer is missing.
    pub fn take_optimizer(&self, group: &str, mut head: OptimizerState) -> Result<OptimizerState, Error> {
        for parameter in &mut head.parameters {
            for buffer in &mut parameter.buffers {
                let name = format!("{group}/{}#{}", parameter.path, buffer.name);
                let found = self.tensors.iter().find(|(full, _)| *full == name);
                let (_, value) =
                    found.ok_or_else(|| Error::Config(format!("the checkpoint has no tensor {name}")))?;
                buffer.values = Values::of(value);
            }
        }
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nn::optim::{AdamW, Optim, Optimizer};
    use nn::{Module, Param};
    use tensor::Tensor;

    #[test]
    fn an_optimiser_comes_back_whole() {
        let mut model = vec![Param::new(Tensor::<f32>::ones(&[2, 3])), Param::new(Tensor::zeros(&[4]))];
        let mut adamw = Optim::new(AdamW::default()).unwrap();
        let loss = model[0].var().square().sum() + model[1].var().sum();
        let grads = model.backward(&loss).unwrap();
        adamw.step(&mut model, &grads, 0.1).unwrap();
        let state: OptimizerState = adamw.state();
        let mut checkpoint = Checkpoint::<(), f32>::new("test", ());
        let head = checkpoint.put_optimizer("optimizer", state.clone());
        assert_eq!(checkpoint.group("optimizer").len(), 4);
        assert_eq!(checkpoint.take_optimizer("optimizer", head.clone()).unwrap(), state);
        checkpoint.tensors.pop();
        assert!(checkpoint.take_optimizer("optimizer", head).is_err());
    }
}
