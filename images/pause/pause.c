/* What holds a pod's namespaces open: it waits, and buries orphans when the pod shares one process namespace. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void bury(int signal_number)
{
	(void)signal_number;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void leave(int signal_number)
{
	(void)signal_number;
	_exit(0);
}

static int on(int signal_number, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_NOCLDSTOP};
	return sigaction(signal_number, &action, NULL);
}

int main(void)
{
	if (on(SIGCHLD, bury) || on(SIGTERM, leave) || on(SIGINT, leave))
		return 1;
	for (;;)
		pause();
}
