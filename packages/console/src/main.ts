import './app.ts';
import { start } from './connection.ts';

void start();
