// chan_fiber.hpp - what the fiber peers share: a run of Boost.Fiber on some threads.
#ifndef BENCH_CHAN_FIBER_HPP
#define BENCH_CHAN_FIBER_HPP

#include "bench.h"

#include <boost/fiber/all.hpp>
#include <pthread.h>
#include <thread>
#include <vector>

typedef boost::fibers::unbuffered_channel<long> unbuffered;
typedef boost::fibers::buffered_channel<long> buffered; // a power of two; holds one less

static inline bool done(boost::fibers::channel_op_status status)
{
	return status == boost::fibers::channel_op_status::success;
}

// Starts fn as a fiber that any of the threads may run.
template <class F> static boost::fibers::fiber go(F fn)
{
	return boost::fibers::fiber(boost::fibers::launch::post, fn);
}

// Runs body, which starts fibers and joins them, on `procs` threads that steal from each other. One thread
// has the library's default scheduler.
template <class F> static void fiber_run(long procs, F body)
{
	boost::fibers::mutex mutex;
	boost::fibers::condition_variable changed;
	bool over = false;
	pthread_barrier_t ready;
	std::vector<std::thread> threads;

	if (procs == 1)
		return body();
	pthread_barrier_init(&ready, nullptr, (unsigned)procs);
	for (long i = 1; i < procs; i++)
		threads.emplace_back([&] {
			boost::fibers::use_scheduling_algorithm<boost::fibers::algo::work_stealing>(
				(unsigned)procs);
			pthread_barrier_wait(&ready);
			std::unique_lock<boost::fibers::mutex> lock(mutex);
			changed.wait(lock, [&] { return over; });
		});
	boost::fibers::use_scheduling_algorithm<boost::fibers::algo::work_stealing>((unsigned)procs);
	pthread_barrier_wait(&ready);
	body();
	{
		std::unique_lock<boost::fibers::mutex> lock(mutex);
		over = true;
	}
	changed.notify_all();
	for (auto &thread : threads)
		thread.join();
}

#endif // BENCH_CHAN_FIBER_HPP
