import type { Kernel } from '@jupyterlab/services';

/**
 * Ask a Python kernel whether it could import nbproof.
 *
 * Nothing runs in the user's namespace and nothing is counted or kept: the code is empty, the one
 * expression is evaluated silently.  Returns null when the kernel gave no clear answer.
 */
export async function kernelHasNbproof(
  kernel: Kernel.IKernelConnection
): Promise<boolean | null> {
  const future = kernel.requestExecute(
    {
      code: '',
      silent: true,
      store_history: false,
      allow_stdin: false,
      stop_on_error: false,
      user_expressions: {
        nbproof:
          "__import__('importlib.util').util.find_spec('nbproof') is not None"
      }
    },
    true
  );
  try {
    const reply = await future.done;
    return reply.content.status === 'ok'
      ? readAnswer(reply.content.user_expressions)
      : null;
  } catch {
    // The kernel died or was restarted while we asked: the next session is asked again.
    return null;
  }
}

function readAnswer(expressions: unknown): boolean | null {
  const answer = (
    expressions as { nbproof?: { data?: Record<string, unknown> } } | undefined
  )?.nbproof?.data?.['text/plain'];
  return answer === 'True' ? true : answer === 'False' ? false : null;
}
