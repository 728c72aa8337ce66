import Hls, { type Loader, type LoaderCallbacks, type LoaderConfiguration, type LoaderContext } from 'hls.js/light'
import { again } from './policy.ts'

const XHRLoader = Hls.DefaultConfig.loader

/**
 * The loader of lists, parts and segments: it asks the very same again while a
 * worker of the server is being replaced (policy.ts says why that is done here).
 */
export class PatientLoader extends XHRLoader implements Loader<LoaderContext> {
  override load(context: LoaderContext, config: LoaderConfiguration, callbacks: LoaderCallbacks<LoaderContext>): void {
    const master = 'type' in context && context.type === 'manifest'
    const loadPolicy = master ? config.loadPolicy : { ...config.loadPolicy, errorRetry: again, timeoutRetry: again }
    super.load(context, { ...config, loadPolicy }, callbacks)
  }
}
