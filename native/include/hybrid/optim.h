/* Optimizer steps over lists: one crossing of the boundary a step, one pass over memory a tensor.
 * parameters, gradients and states are lists of n contiguous tensors of equal shapes, gradients of the parameters' dtype.
 * A null gradient leaves its parameter and state untouched. Weight decay is decoupled. Autograd does not see the update.
 *
 * masters is null, or the list of float32 weights that 16-bit parameters are roundings of: the update is made there and
 * rounded to the nearest into the parameter, so that steps too small for 16 bits add up. States are float32 then, and of
 * the parameters' dtype without.
 *
 * bfloat16 parameters without masters are rounded stochastically, and so are their states: the update is computed in
 * float32 (the weight's from states that are not rounded yet), and each result becomes one of the two neighbouring
 * bfloat16 values, the nearer with the greater probability, so that its expectation is the float32 value and small steps
 * add up on average. What is representable stays, infinities and NaN among it; beyond the largest finite value rounding is
 * to the nearest. noise[i] names the random numbers of entry i in this step: give every entry and step another. Equal noise
 * gives equal bits whatever the thread count, the instruction set and the device (but for the bits inside a NaN). noise may
 * be null where nothing is rounded stochastically, and is not read there; else null is HYB_INVALID_ARGUMENT.
 * float16 parameters without masters are HYB_NOT_IMPLEMENTED. */
#ifndef HYBRID_OPTIM_H
#define HYBRID_OPTIM_H

#include "hybrid/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Lion (Chen et al. 2023): p -= rate * (sign(beta1 m + (1 - beta1) g) + decay p); m = beta2 m + (1 - beta2) g. */
HYB_API hyb_status hyb_optim_lion_step(hyb_tensor* const* parameters, hyb_tensor* const* masters, hyb_tensor* const* gradients,
                                       hyb_tensor* const* momenta, const uint64_t* noise, int64_t n, double learning_rate, double beta1,
                                       double beta2, double weight_decay);

/* AdamW (Loshchilov & Hutter 2019). step counts from 1 and drives the bias correction. */
HYB_API hyb_status hyb_optim_adamw_step(hyb_tensor* const* parameters, hyb_tensor* const* masters, hyb_tensor* const* gradients,
                                        hyb_tensor* const* first_moments, hyb_tensor* const* second_moments, const uint64_t* noise,
                                        int64_t n, int64_t step, double learning_rate, double beta1, double beta2, double epsilon,
                                        double weight_decay);

/* Plain stochastic gradient descent: p -= rate * (g + decay p). */
HYB_API hyb_status hyb_optim_sgd_step(hyb_tensor* const* parameters, hyb_tensor* const* masters, hyb_tensor* const* gradients,
                                      const uint64_t* noise, int64_t n, double learning_rate, double weight_decay);

#ifdef __cplusplus
}
#endif

#endif
