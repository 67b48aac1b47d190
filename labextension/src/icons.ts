import { LabIcon } from '@jupyterlab/ui-components';

import logo from '../style/icons/nbproof.svg';

export const nbproofIcon = new LabIcon({ name: 'nbproof:logo', svgstr: logo });
